"""Argo Workflows' images and definitions, where a stack has workflows: built from Go modules of their own.

They need older libraries of Kubernetes than the other programs: nothing is compiled for both. The module lacks a file
of the executor for Linux, and Go builds what is in its cache as it is: a copy is built, with a file of ours.
"""

import shutil
from pathlib import Path

from local.cluster import images
from local.cluster.images import Image
from local.cluster.layout import Layout
from tools import golang
from tools.golang import find, module_folder, module_versions
from tools.progress import Progress

SOURCES = Path(__file__).parent / "argo"
MODULE = "github.com/argoproj/argo-workflows/v4"
PROGRAMS = ("workflow-controller", "argoexec")
PACKAGES = [f"{MODULE}/cmd/{program}" for program in PROGRAMS]
LACKING = Path("workflow/executor/osspecific/signal_linux.go")


def pinned() -> dict[str, str]:
    """The versions of the modules that they are built from."""
    return module_versions((SOURCES / "go.mod").read_text())


def reference(program: str) -> str:
    """The image's name, as upstream calls it."""
    return f"quay.io/argoproj/{program}:{pinned()[MODULE]}"


def definitions() -> Path:
    """The folder of the definitions of Argo's kinds. Raises Failure."""
    return module_folder(SOURCES, MODULE) / "manifests" / "base" / "crds" / "minimal"


def lay_out(folder: Path, module: Path) -> Path:
    """Where to build: the sources, beside a copy of the module's code with the file that it lacks."""
    for path in module.rglob("*"):
        if path.name == "go.mod" or (path.suffix == ".go" and not path.name.endswith("_test.go")):
            target = folder / "module" / path.relative_to(module)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(SOURCES / LACKING.name, folder / "module" / LACKING)
    sources = folder / "sources"
    sources.mkdir()
    shutil.copyfile(SOURCES / "go.sum", sources / "go.sum")
    go_mod = (SOURCES / "go.mod").read_text()
    (sources / "go.mod").write_text(f"{go_mod}\nreplace {MODULE} => ../module\n")
    return sources


def build(progress: Progress, layout: Layout | None = None) -> list[Path]:
    """The archives of the images, built where they are not built yet. Raises Failure."""
    flags = golang.build_flags(**{f"{MODULE}.version": pinned()[MODULE]})

    def make(folder: Path) -> None:
        work = folder / "work"
        sources = lay_out(work, module_folder(SOURCES, MODULE))
        golang.install(sources, PACKAGES, flags, work / "bin", progress, "Argo Workflows")
        architecture = find((SOURCES / "go.mod").read_text()).target.partition("/")[2]
        for program in PROGRAMS:
            path = f"/bin/{program}"  # argoexec looks for itself on PATH
            image = Image(reference(program), {path: work / "bin" / program}, [path])
            images.write_archive(image, architecture, folder / images.file_name(image))
        shutil.rmtree(work)

    home = (layout or Layout.current()).argo
    return sorted(golang.built(home, SOURCES, [*PACKAGES, *flags], make, progress).iterdir())
