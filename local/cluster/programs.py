"""The cluster's programs: built from pinned Go modules, kept by the hash of all that goes into them."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.cluster.layout import Layout
from tools import golang
from tools.golang import module_versions
from tools.progress import Progress

SOURCES = Path(__file__).parent / "platform"
PACKAGES = ("tool", "./agent", "./policycni", "./pause")
RENAMED = {"server": "etcd", "platform": "cert-manager"}  # Go names a program after its package's folder

CERT_MANAGER = "github.com/cert-manager/cert-manager"
COREDNS = "github.com/coredns/coredns"
HELM = "helm.sh/helm/v3"
KUBERNETES = "k8s.io/kubernetes"
PEBBLE = "github.com/letsencrypt/pebble/v2"
TRAEFIK = "github.com/traefik/traefik/v3"


@dataclass(frozen=True)
class Programs:
    """Built programs. `folder` is named by the hash of what they were built from."""

    folder: Path

    def path(self, name: str) -> Path:
        """The program `name`."""
        return self.folder / "bin" / name

    @property
    def chart(self) -> Path:
        """cert-manager's Helm chart, the folder that belongs to the programs."""
        return self.folder / "charts" / "cert-manager"


def pinned() -> dict[str, str]:
    """The versions of all modules that the programs are built from."""
    return module_versions((SOURCES / "go.mod").read_text())


def stamps(versions: dict[str, str]) -> dict[str, str]:
    """Variables that upstream's release builds set: what a program says its version is."""
    kubernetes = versions[KUBERNETES]
    major, minor = kubernetes.removeprefix("v").split(".")[:2]
    found = {
        f"{CERT_MANAGER}/pkg/util.AppVersion": versions[CERT_MANAGER],
        f"{HELM}/internal/version.version": versions[HELM],
        f"{HELM}/pkg/chartutil.k8sVersionMajor": major,
        f"{HELM}/pkg/chartutil.k8sVersionMinor": minor,
        f"{TRAEFIK}/pkg/version.Version": versions[TRAEFIK].removeprefix("v"),
    }
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        found |= {
            f"{package}.gitVersion": kubernetes,
            f"{package}.gitMajor": major,
            f"{package}.gitMinor": minor,
            f"{package}.gitTreeState": "clean",
        }
    return found


def flags(versions: dict[str, str]) -> list[str]:
    """The flags of `go install`."""
    return golang.build_flags(**stamps(versions))


def located(layout: Layout | None = None) -> Programs:
    """Where this checkout's programs are, or will be when they are built. Raises Failure without a fitting Go."""
    return Programs(golang.build_folder((layout or Layout.current()).platform, SOURCES, _salt()))


def build(progress: Progress, layout: Layout | None = None) -> Programs:
    """Build what is not built yet. Raises Failure."""

    def make(folder: Path) -> None:
        golang.install(SOURCES, PACKAGES, flags(pinned()), folder / "bin", progress)
        for built, name in RENAMED.items():
            (folder / "bin" / built).rename(folder / "bin" / name)
        _copy_chart(folder / "charts" / "cert-manager")

    return Programs(golang.built((layout or Layout.current()).platform, SOURCES, _salt(), make, progress))


def _salt() -> list[str]:
    return [*PACKAGES, *flags(pinned())]


def _copy_chart(target: Path) -> None:
    """The chart lies in cert-manager's module; upstream's release sets its version."""
    source = golang.module_folder(SOURCES, CERT_MANAGER) / "deploy" / "charts" / "cert-manager"
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # the module cache is read-only
    chart = target / "Chart.yaml"
    version = pinned()[CERT_MANAGER]
    chart.write_text(re.sub(r"^(version|appVersion): .*$", rf"\1: {version}", chart.read_text(), flags=re.MULTILINE))
