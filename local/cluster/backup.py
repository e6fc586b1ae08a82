"""The cluster's own state in one file, and back: etcd's data, the keys that decrypt it, Pulumi's state of the stack.

Volumes and images are not in it: a cluster that comes back finds them where they are.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from local.cluster import api
from local.cluster.components import ETCD_URL, options
from local.cluster.errors import ClusterError, tail_of
from local.cluster.layout import Layout
from local.cluster.node import halt
from local.cluster.programs import Programs
from local.cluster.state import status
from tools.lock import locked

SUFFIX = ".tar.gz"
FOLDERS = ("etcd", "pki", "pulumi")
"""What a backup holds of the state folder. Pulumi's state is of the objects that etcd has, so it goes with them."""
ABOUT = "about.json"
KEPT = 10
"""How many backups `make backup` leaves."""
LOAD_SECONDS = 30.0
STILL_SECONDS = 5.0
"""How long threads of etcd may take to stop; it is milliseconds."""


@dataclass(frozen=True)
class Content:
    """What etcd's data holds."""

    keys: int
    revision: int


def backups_folder(layout: Layout | None = None) -> Path:
    """Where backups are. `make down` leaves them there."""
    return (layout or Layout.current()).state / "backups"


def back_up(programs: Programs, layout: Layout | None = None) -> tuple[Path, Content, float]:
    """Back up the cluster that runs. Returns the file, what it holds, and for how many seconds etcd stood still.

    A frozen etcd's files are what a crash would leave, which etcd recovers from: every write is on disk before it is
    acknowledged. They are loaded by another etcd, and what that leaves when it ends is kept. Raises ClusterError.
    """
    layout = layout or Layout.current()
    backups_folder(layout).mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(layout.lock), _scratch(layout) as work:
        pid = next((c.pid for c in status(layout).components if c.name == "etcd"), 0)
        if not pid:
            raise ClusterError("etcd does not run, so its data cannot be backed up.", "Start the cluster: `make up`.")
        began = time.monotonic()
        with frozen(pid):
            _copy(layout.etcd, work)
        stood = time.monotonic() - began
        for name in FOLDERS[1:]:
            _copy(layout.state / name, work)
        shutil.rmtree(work / "pulumi" / "home", ignore_errors=True)  # links to the plugins, which every command makes
        content = load(programs, work / "etcd")
        (work / ABOUT).write_text(json.dumps(asdict(content)))
        target = backups_folder(layout) / time.strftime(f"cluster-%Y%m%dT%H%M%SZ{SUFFIX}", time.gmtime())
        with tempfile.NamedTemporaryFile(dir=backups_folder(layout)) as file:  # mode 0600: it holds keys
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                for path in sorted(work.iterdir()):
                    archive.add(path, path.name)
            file.flush()
            os.fsync(file.fileno())
            os.link(file.name, target)
    return target, content, stood


def prune(layout: Layout | None = None) -> list[str]:
    """Remove all backups but the newest KEPT. Returns the names of those removed, oldest first."""
    layout = layout or Layout.current()
    with locked(layout.lock):
        names = sorted(path.name for path in backups_folder(layout).glob(f"cluster-*{SUFFIX}"))
        for name in (old := names[:-KEPT]):
            (backups_folder(layout) / name).unlink()
    return old


def restore(source: Path, programs: Programs, layout: Layout | None = None) -> Content:
    """Put a backup in the place of the cluster's state. The node is stopped, and not started again.

    Raises ClusterError, before anything is touched, when the file is no whole backup.
    """
    layout = layout or Layout.current()
    backups_folder(layout).mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(layout.lock), _scratch(layout) as work:
        content = _unpack(source, programs, work)
        halt(layout, gently=True)
        for name in FOLDERS:
            shutil.rmtree(layout.state / name, ignore_errors=True)
            (work / name).rename(layout.state / name)
            (layout.state / name).chmod(0o700)
    return content


def load(programs: Programs, data: Path) -> Content:
    """What etcd finds in a folder of its data, which is the folder of no etcd that runs. Raises ClusterError."""
    with tempfile.TemporaryDirectory() as run:
        log = Path(run) / "log"
        sockets = options(listen_client_urls="unix://localhost:1", listen_peer_urls="unix://localhost:2")
        command = [programs.path("etcd"), *options(data_dir=data, advertise_client_urls=ETCD_URL), *sockets]
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=run, stdout=file, stderr=file)
        try:
            client = httpx.Client(transport=httpx.HTTPTransport(uds=f"{run}/localhost:1"), base_url="http://etcd")
            found: list[Content] = []
            api.wait(lambda: process.poll() is not None or _counted(client, found), LOAD_SECONDS)
        finally:
            process.terminate()
            process.wait()
        if not found:
            raise ClusterError("etcd does not start with this data.", "Take another backup.", tail_of(log))
        return found[0]


def _counted(client: httpx.Client, found: list[Content]) -> bool:
    """Adds what etcd holds to `found`, once it answers. A range from \\0 to \\0 is every key (etcd, gRPC gateway)."""
    everything = {"key": "AA==", "range_end": "AA==", "count_only": True}
    with contextlib.suppress(httpx.TransportError):
        answer = client.post("/v3/kv/range", json=everything)
        if answer.status_code == httpx.codes.OK:
            said = answer.json()
            found.append(Content(int(said.get("count", 0)), int(said["header"]["revision"])))
    return bool(found)


def _unpack(source: Path, programs: Programs, work: Path) -> Content:
    """Unpacks a backup, and loads its data to compare it with what the backup says of itself."""
    hint = "Nothing was touched."
    try:
        with tarfile.open(source) as archive:
            archive.extractall(work, filter="data")
        said = Content(**json.loads((work / ABOUT).read_text()))
    except FileNotFoundError as error:
        there = ", ".join(sorted(path.name for path in source.parent.glob(f"*{SUFFIX}"))) or "none"
        missing = "There is no backup" if not source.exists() else f"It has no {ABOUT}, so it is no backup:"
        raise ClusterError(f"{missing} {source}", f"In its folder there are: {there}. {hint}") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, TypeError) as error:
        raise ClusterError(f"{source} is damaged, or no backup of a cluster: {error}", hint) from error
    if absent := [name for name in FOLDERS if not (work / name).is_dir()]:
        raise ClusterError(f"{source} is no whole backup: it has no {', '.join(absent)}.", hint)
    found = load(programs, work / "etcd")
    if found.keys != said.keys:
        raise ClusterError(f"{source} is damaged: etcd finds {found.keys} keys, and it had {said.keys}.", hint)
    return found


@contextlib.contextmanager
def _scratch(layout: Layout) -> Generator[Path]:
    """A folder that is gone afterwards, on the file system of the state."""
    with tempfile.TemporaryDirectory(dir=backups_folder(layout)) as path:
        yield Path(path)


@contextlib.contextmanager
def frozen(pid: int) -> Generator[None]:
    """A process that stands still meanwhile, and goes on whatever becomes of this one.

    Another one waits at a pipe that nobody but this one holds open, and wakes it: a backup may be killed.
    """
    waker = ["sh", "-c", f"read -r never; kill -CONT {pid}"]
    with subprocess.Popen(waker, stdin=subprocess.PIPE, start_new_session=True):
        os.kill(pid, signal.SIGSTOP)
        try:
            end = time.monotonic() + STILL_SECONDS
            while not _stands_still(pid):
                if time.monotonic() > end:
                    raise ClusterError("etcd does not stand still, so its files can't be copied.", "Try again.")
                time.sleep(0.001)
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    """Whether all threads have stopped. A signal is sent at once, and reaches a thread when that leaves the kernel."""
    return all(_has_stopped(thread) for thread in Path(f"/proc/{pid}/task").iterdir())


def _has_stopped(thread: Path) -> bool:
    try:
        return "\nState:\tT " in (thread / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return True


def _copy(source: Path, target: Path) -> None:
    """etcd's logs are made as large as they may become: zeros are left out."""
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True, capture_output=True)
