"""A page that was loaded from either version gets its assets: in a canary, blue/green and rolling, and after them.

Visitors load the page and each of its assets, every request on a connection of its own, so that pods of both versions
are asked for the assets of either.
"""

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import acme, images, lifecycle
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_images import imported
from tests.live.load import ONLY_DRILLS
from tools import stack
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    ONLY_DRILLS,
]
ASSET = re.compile(r'"(/assets/[^"]+)"')
VISITORS = 4
Release = Callable[..., None]


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of the page with other modules, in the cluster."""
    folder = tmp_path_factory.mktemp("candidate") / "fileserver"
    shutil.copytree(stack.ROOT / "apps" / "fileserver", folder)
    module = folder / "page" / "assets" / "dom.js"
    module.write_text(f"{module.read_text()}// another version, {time.time()}\n")
    return imported(folder)


@pytest.fixture
def current() -> str:
    return images.references()["fileserver"]


@pytest.fixture
def released(here: Access) -> Iterator[Release]:
    """Deploys the stack with another release of the page, and at the end as its file says."""
    section = lifecycle.effective_config(here)["journal:fileserver"]

    def release(image: str | None = None, **settings: Any) -> None:
        changed = {**section, "release": settings, **({} if image is None else {"image": image})}
        with Steps() as steps, steps.step("release") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS), fileserver=changed).up(step)

    yield release
    with Steps() as steps, steps.step("as the file says") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS)).up(step)


class Visitors:
    """Who load the page over and over. failed: what they did not get. pages: how often each set of assets was met."""

    def __init__(self, local_stack: dict[str, str]) -> None:
        self._address = local_stack["url"], local_stack["address"], Path(local_stack["ca"])
        self.failed: list[str] = []
        self.pages: dict[frozenset[str], int] = {}
        self.assets = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._visit) for _ in range(VISITORS)]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        with acme.client(*self._address, retries=0) as client:
            while not self._stop.is_set():
                names = frozenset(ASSET.findall(self.get(client, "/")))
                self.pages[names] = self.pages.get(names, 0) + 1
                for name in names:
                    self.get(client, name)
                    self.assets += 1

    def get(self, client: httpx.Client, path: str) -> str:
        """The text at a path. What is no 200 is remembered."""
        try:
            answer = client.get(path, headers={"Connection": "close"}, timeout=10)
        except httpx.HTTPError as error:
            self.failed.append(f"{path}: {error!r}")
            return ""
        if answer.status_code != 200:
            self.failed.append(f"{path}: {answer.status_code}")
        return answer.text


@pytest.fixture
def visitors(local_stack: dict[str, str]) -> Iterator[Visitors]:
    with Visitors(local_stack) as visitors:
        yield visitors


def missing(local_stack: dict[str, str], pages: Visitors) -> list[str]:
    """The assets of all pages met so far that do not answer now, each asked of whichever pod, five times."""
    names = sorted(set().union(*pages.pages))
    with acme.client(local_stack["url"], local_stack["address"], Path(local_stack["ca"]), retries=0) as client:
        answers = [(name, client.get(name, headers={"Connection": "close"})) for name in names for _ in range(5)]
    return [f"{name}: {answer.status_code}" for name, answer in answers if answer.status_code != 200]


def test_a_canary_its_promotion_and_its_undo(
    candidate: str, current: str, released: Release, visitors: Visitors, local_stack: dict[str, str]
) -> None:
    released(image=current)
    released(image=current, strategy="canary", candidate=candidate, share=50)
    time.sleep(5)
    assert len(visitors.pages) == 2, "pages of both versions were loaded"
    assert missing(local_stack, visitors) == []
    released(image=candidate, strategy="canary")
    assert missing(local_stack, visitors) == [], "a page from before the rollout gets its assets after it"
    released(image=current)
    tell(visitors, "canary 50 %, promoted, undone")
    assert visitors.failed == []


def test_blue_green_to_and_back(
    candidate: str, current: str, released: Release, visitors: Visitors, local_stack: dict[str, str]
) -> None:
    released(image=current)
    for live in ("current", "candidate", "current"):
        released(image=current, strategy="blueGreen", candidate=candidate, live=live)
        time.sleep(3)
        assert missing(local_stack, visitors) == []
    tell(visitors, "blue/green, to and back")
    assert visitors.failed == []
    assert len(visitors.pages) == 2


def test_a_rolling_update(
    candidate: str, current: str, released: Release, visitors: Visitors, local_stack: dict[str, str]
) -> None:
    released(image=current)
    released(image=candidate)
    assert missing(local_stack, visitors) == []
    tell(visitors, "rolling")
    assert visitors.failed == []
    assert len(visitors.pages) == 2


def tell(visitors: Visitors, what: str) -> None:
    print(f"\n{what}: {sum(visitors.pages.values())} pages, {visitors.assets} assets, {len(visitors.failed)} failed")
