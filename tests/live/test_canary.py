"""What `tools.canary watch` says of a real candidate: well, while it answers well, and to be aborted once it fails."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import acme, images, lifecycle
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_images import imported
from tests.live.load import ONLY_DRILLS
from tools import canary, stack
from tools.canary import Thresholds, Verdict
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    ONLY_DRILLS,
]
SOUND, BROKEN = "async def get_version() -> Version:\n", '        raise RuntimeError("broken")\n'


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of the API that answers 500 to one of its paths."""
    folder = tmp_path_factory.mktemp("candidate") / "frontend"
    shutil.copytree(stack.ROOT / "apps" / "frontend", folder)
    api = folder / "journal_api" / "api.py"
    assert SOUND in api.read_text()
    api.write_text(api.read_text().replace(SOUND, SOUND + BROKEN))
    return imported(folder)


@pytest.fixture(scope="module")
def released(here: Access, candidate: str) -> Iterator[None]:
    """The candidate, in half of the pods; at the end the stack is as its file says."""
    section = lifecycle.effective_config(here)["journal:frontend"]
    release = {"strategy": "canary", "candidate": candidate, "share": 50}
    section = {**section, "image": images.references()["frontend"], "release": release}

    def up(**changes: Any) -> None:
        with Steps() as steps, steps.step("release") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS), **changes).up(step)

    up(frontend=section)
    yield
    up()


def watched(here: Access, local_stack: dict[str, str], *paths: str) -> canary.Decision:
    """What is said after a quarter of a minute in which these paths were asked for."""
    stop = threading.Event()

    def ask() -> None:
        with acme.client(local_stack["url"], local_stack["address"], Path(local_stack["ca"])) as client:
            while not stop.is_set():
                for path in paths:
                    client.get(path, headers={"Connection": "close"})

    def run(*command: str) -> str:
        assert command[0] == "kubectl"
        done = subprocess.run([*here.command(), *command[1:]], capture_output=True, text=True, check=True)
        return done.stdout

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        return canary.watch(run, minutes=0.25, patience=1, prefix=None, limits=Thresholds(requests=20))
    finally:
        stop.set()
        thread.join()


@pytest.mark.usefixtures("released")
def test_a_candidate_goes_on_while_it_answers_and_is_aborted_once_it_fails(
    here: Access, local_stack: dict[str, str]
) -> None:
    well = watched(here, local_stack, "/api/entries?limit=1")
    print(well)
    assert well.verdict == Verdict.GO_ON
    failing = watched(here, local_stack, "/api/entries?limit=1", "/api/version")
    print(failing)
    assert failing.verdict == Verdict.ABORT
