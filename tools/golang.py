"""Go's command line: is it there, is there room, and builds that are kept and say how far they are."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.failures import Failure, tail
from tools.lock import locked
from tools.progress import Progress

GIB = 2**30
# Measured in November 2026: what an empty machine gets, in GiB.
MODULES, BUILD_CACHE, PROGRAMS = 3.7, 8.0, 1.9  # programs with the archives of their images
COLLECT_BELOW = 8
"""GiB of free memory above which compilers collect garbage less often: a fifth less processor time."""
COMPILE = ("-trimpath", "-gcflags=all=-dwarf=false")
KEEP = 3
"""How many builds of the same programs are kept, the last used ones."""
INSTALL = "Install Go from https://go.dev/dl or your distribution and put it on PATH."


@dataclass(frozen=True)
class Go:
    """The Go that is installed: version as `1.26.8`, target as `linux/amd64`."""

    version: str
    target: str


def required(go_mod: str) -> str:
    """The oldest Go that a go.mod allows."""
    found = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    if found is None:
        raise ValueError("go.mod has no go line")
    return found[1]


def older(version: str, than: str) -> bool:
    """Whether a Go version comes before another; `1.26rc1` comes before `1.26.0`."""

    def key(text: str) -> tuple[list[int], bool]:
        numbers = [int(n) for n in re.split(r"[.]", re.split(r"[a-z-]", text)[0]) if n]
        return numbers + [0] * (3 - len(numbers)), re.search(r"[a-z]", text) is None

    return key(version) < key(than)


def find(go_mod: str) -> Go:
    """The Go on PATH. Raises Failure when there is none or it is older than go.mod wants."""
    needed = required(go_mod)
    if shutil.which("go") is None:
        raise Failure(f"Go is missing: the cluster's programs are built with Go {needed} or newer.", INSTALL)
    output = _go(["version"], Path("/"))
    found = re.search(r"go version go(\S+).* (\S+/\S+)$", output.strip())
    if found is None:
        raise Failure(f"`go version` answers {output.strip()!r}.", INSTALL)
    if older(found[1], needed):
        raise Failure(f"Go {found[1]} is too old: the cluster's programs need Go {needed} or newer.", INSTALL)
    return Go(found[1], found[2])


def environment() -> dict[str, str]:
    """Go's settings: no other toolchain is fetched, no workspace, no flags of the user's, no C compiler."""
    roomy = psutil.virtual_memory().available > COLLECT_BELOW * GIB
    own = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
    return os.environ | own | ({"GOGC": "400"} if roomy else {})


def _go(arguments: Sequence[str], folder: Path) -> str:
    run = subprocess.run(["go", *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        said = run.stderr if run.stderr.strip() else run.stdout  # `go mod download -json` says it there
        raise Failure(f"`go {' '.join(arguments)[:60]}` ended with {run.returncode}.", remedy(said), tail(said))
    return run.stdout


def remedy(log: str) -> str:
    """What to do about a failed build with this log."""
    if "no space left on device" in log:
        return "Free some space on the disk of the Go build cache (`go env GOCACHE`), then run it again."
    if re.search(r"x509|certificate", log):
        return "The network replaces TLS certificates: name its CA bundle in SSL_CERT_FILE."
    if re.search(r"dial tcp|i/o timeout|server response|unexpected EOF|connection re|no such host", log):
        return "The Go module proxy does not answer or lacks a module: check `go env GOPROXY`, then run it again."
    if "signal: killed" in log:
        return "The compiler was killed, most likely for want of memory: free some, then run it again."
    return "Remove the cause and run it again: what is compiled is kept."


def module_versions(go_mod: str) -> dict[str, str]:
    """Module path to version (`v1.2.3`), as a go.mod's `require` says."""
    return {m[1]: m[2] for m in re.finditer(r"^\s*(?:require )?([\w./~-]+\.[\w./~-]+) (v\S+)", go_mod, re.MULTILINE)}


def digest(folder: Path, salt: Iterable[str]) -> str:
    """12 hexadecimal digits that change with the salt and with any file that is compiled: its name or content."""
    total = hashlib.sha256("\0".join(salt).encode())
    for path in sorted(p for p in folder.rglob("*") if p.name in ("go.mod", "go.sum") or p.suffix == ".go"):
        if not path.name.endswith("_test.go"):
            total.update(f"\0{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def build_folder(home: Path, sources: Path, salt: Iterable[str]) -> Path:
    """Where a build of the sources by the installed Go is, or will be. Raises Failure."""
    go = find((sources / "go.mod").read_text())
    return home / digest(sources, [go.version, go.target, *salt])


def built(home: Path, sources: Path, salt: Iterable[str], make: Callable[[Path], None], progress: Progress) -> Path:
    """The folder in `home` with what `make` builds of the sources, built when sources, salt or Go have changed.

    make: fills a folder that is not there yet. Other builds in `home` stay until newer ones have been used.
    Raises Failure.
    """
    folder = build_folder(home, sources, salt)
    if folder.exists():
        folder.touch()
        return folder
    with locked(home / "lock", progress, "wait for another build"):
        if not folder.exists():
            unfinished = home / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            require_space(home)
            make(unfinished)
            unfinished.rename(folder)
        for old in sorted((p for p in home.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)[:-KEEP]:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def module_folder(folder: Path, module: str) -> Path:
    """The module's folder in the module cache, where it is put when it is not there yet. Raises Failure."""
    return Path(json.loads(_go(["mod", "download", "-json", module], folder))["Dir"])


@dataclass(frozen=True)
class Need:
    """Bytes that a build will write on the disk of a path; `has` of them are there already."""

    what: str
    path: Path
    bytes: float
    has: float


def shortages(needs: Iterable[Need], free: dict[str, float], disk: dict[Path, str]) -> list[str]:
    """One sentence for each disk with too little room. `disk` tells a path's disk, `free` a disk's free bytes."""
    found = []
    needs = list(needs)
    for device in dict.fromkeys(disk[n.path] for n in needs):
        here = [n for n in needs if disk[n.path] == device]
        missing = sum(max(n.bytes - n.has, 0) for n in here)
        if missing > free[device]:
            what = ", ".join(f"{n.what} in {n.path}" for n in here)
            short = (missing - free[device]) / GIB
            found.append(
                f"{missing / GIB:.1f} GiB are needed ({what}), {free[device] / GIB:.1f} GiB are free: "
                f"{short:.1f} GiB are missing."
            )
    return found


def require_space(programs: Path) -> None:
    """Raises Failure when a build would fill a disk."""
    where = json.loads(_go(["env", "-json", "GOMODCACHE", "GOCACHE"], Path("/")))
    modules, cache = Path(where["GOMODCACHE"]), Path(where["GOCACHE"])
    needs = [
        Need("modules", modules, MODULES * GIB, _size(modules)),
        Need("build cache", cache, BUILD_CACHE * GIB, _size(cache)),
        Need("programs", programs, PROGRAMS * GIB, 0),
    ]
    existing = {n.path: next(p for p in (n.path, *n.path.parents) if p.exists()) for n in needs}
    disk = {path: str(there.stat().st_dev) for path, there in existing.items()}
    free = {disk[path]: float(shutil.disk_usage(there).free) for path, there in existing.items()}
    if found := shortages(needs, free, disk):
        raise Failure(
            "Too little disk space to build the cluster's programs. " + " ".join(found),
            "Free that much, or put them on another disk: JOURNAL_CACHE (programs), GOCACHE, GOMODCACHE.",
        )


def _size(folder: Path) -> float:
    """Bytes below a folder."""
    if not folder.exists():
        return 0
    run = subprocess.run(["du", "-sxB1", str(folder)], capture_output=True, text=True, check=False)
    return float(run.stdout.split()[0]) if run.stdout else 0


def build_flags(**variables: str) -> list[str]:
    """Flags of a small and reproducible build that sets these variables, by `package.name`.

    Without debugging information, which the linker would leave out anyway, compiling takes an eighth less time.
    """
    stamped = (f"-X {name}={value}" for name, value in sorted(variables.items()))
    return [*COMPILE, "-ldflags", " ".join(["-s", "-w", *stamped])]


def install(
    folder: Path,
    packages: Sequence[str],
    flags: Sequence[str],
    target: Path,
    progress: Progress,
    what: str = "the cluster's programs",
) -> None:
    """Build packages into a folder: first modules are fetched, then what is not in the build cache is compiled."""
    stale = "{{if .Stale}}{{.ImportPath}}{{end}}"
    modules = len(re.findall(r"^\t\S+ v\S+", (folder / "go.mod").read_text(), re.MULTILINE))
    listed = _follow(
        ["list", "-deps", "-f", stale, *flags, *packages],
        folder,
        progress,
        "fetch Go modules",
        modules,
        "go: downloading",
    )
    target.mkdir(parents=True)
    total, bin_folder = len(listed.split()), {"GOBIN": str(target)}
    arguments = ["install", "-v", *flags, *packages]
    _follow(arguments, folder, progress, f"compile {what}", total, "", bin_folder)


def _follow(
    arguments: Sequence[str],
    folder: Path,
    progress: Progress,
    step: str,
    total: int,
    prefix: str,
    extra: dict[str, str] | None = None,
) -> str:
    """Run go, count the lines on its standard error that begin with `prefix`, and return its standard output."""
    env, done, log = environment() | (extra or {}), 0, []
    progress.step(step, 0, total)
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            ["go", *arguments], cwd=folder, env=env, stdout=output, stderr=subprocess.PIPE, text=True
        ) as go,
    ):
        for line in go.stderr or ():
            log.append(line)
            if line.startswith(prefix):
                done += 1
                progress.step(step, min(done, total), total)
        if go.wait() != 0:
            errors = "".join(line for line in log[-200:] if " " in line.strip())  # `-v` prints bare package paths
            raise Failure(
                f"The step {step!r} failed: `go {arguments[0]}` ended with {go.returncode}.",
                remedy(errors),
                tail(errors),
            )
        progress.step(step, total, total)
        output.seek(0)
        return output.read()
