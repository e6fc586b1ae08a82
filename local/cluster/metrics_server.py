"""metrics-server's image, where an autoscaler asks for it: built from Go modules of its own.

They are not among those of the other programs, whose build takes 20 minutes and changes with any of its versions.
Kubernetes' libraries have the same versions in both, so that what is compiled for one serves the other.
"""

import shutil
from pathlib import Path

from local.cluster import images
from local.cluster.images import Image
from local.cluster.layout import Layout
from tools import golang
from tools.golang import find, module_versions
from tools.progress import Progress

SOURCES = Path(__file__).parent / "metrics-server"
MODULE = "sigs.k8s.io/metrics-server"
PACKAGE = f"{MODULE}/cmd/metrics-server"
PROGRAM = "/metrics-server"


def pinned() -> dict[str, str]:
    """The versions of the modules that it is built from."""
    return module_versions((SOURCES / "go.mod").read_text())


def reference() -> str:
    """The image's name, as upstream calls it."""
    return f"registry.k8s.io/metrics-server/metrics-server:{pinned()[MODULE]}"


def build(progress: Progress, layout: Layout | None = None) -> Path:
    """The archive of the image, built where it is not built yet. Raises Failure."""
    flags = golang.build_flags(**{"k8s.io/component-base/version.gitVersion": pinned()[MODULE]})

    def make(folder: Path) -> None:
        golang.install(SOURCES, [PACKAGE], flags, folder / "bin", progress, "metrics-server")
        image = Image(reference(), {PROGRAM: folder / "bin" / "metrics-server"}, [PROGRAM])
        architecture = find((SOURCES / "go.mod").read_text()).target.partition("/")[2]
        images.write_archive(image, architecture, folder / images.file_name(image))
        shutil.rmtree(folder / "bin")

    home = (layout or Layout.current()).metrics_server
    (archive,) = golang.built(home, SOURCES, [PACKAGE, *flags], make, progress).iterdir()
    return archive
