"""Redis' volumes grow while its servers run; a smaller size is refused before anything changes."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pulumi_random as random
import pytest
from pulumi.automation import OpType

from components.kubernetes import Namespace, create_provider
from components.redis import Redis, RedisArgs
from components.settings import RedisSettings
from local import images
from local.access import Access, access
from local.pulumi import programs
from local.pulumi.deployment import Deployment
from local.pulumi.workspace import StateFolder
from tests.live.load import ONLY_DRILLS
from tools.failures import Failure
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, ONLY_DRILLS, pytest.mark.timeout(300)]
NAMESPACE = "redis-volumes"
CLAIMS = [f"data-redis-{number}" for number in range(3)]
RESOURCES = {"cpu": "10m", "memory": "32Mi", "cpuLimit": "500m", "memoryLimit": "128Mi"}
Up = Callable[..., list[tuple[OpType, str]]]


@pytest.fixture
def here() -> Access:
    found = access()
    found.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    return found


@pytest.fixture
def deployment(here: Access, tmp_path: Path) -> Iterator[Callable[..., Deployment]]:
    """The component in a stack of its own, with a size and a number of servers."""
    folder, built = StateFolder(tmp_path / "pulumi"), programs.build(NO_PROGRESS)

    def make(storage: str = "256Mi", **settings: Any) -> Deployment:
        given = {"image": images.references()["redis"], "storage": storage, "resources": RESOURCES, **settings}

        def program() -> None:
            kubeconfig, options = str(here.kubeconfig), pulumi.ResourceOptions()
            provider = create_provider("cluster", kubeconfig=kubeconfig, context=here.context, opts=options)
            space = Namespace(NAMESPACE, opts=pulumi.ResourceOptions(provider=provider))
            both = pulumi.ResourceOptions(providers=[provider, random.Provider("random")], depends_on=[space])
            args = RedisArgs(namespace=NAMESPACE, settings=RedisSettings.model_validate(given), clients=[])
            Redis("redis", args, both)

        return Deployment(here, built, {}, folder, program)

    yield make
    with Steps() as steps, steps.step("down") as step:
        make().down(step)


def up(deployment: Deployment) -> list[tuple[OpType, str]]:
    with Steps() as steps, steps.step("up") as step:
        return deployment.up(step)[1].changes


def preview(deployment: Deployment) -> list[tuple[OpType, str]]:
    with Steps() as steps, steps.step("preview") as step:
        return deployment.preview(step, refresh=False).changes


def of(here: Access, kind: str, *path: str) -> dict[str, Any]:
    """A field of every object of a kind in the namespace, by the object's name."""
    found = {}
    for item in here.json("-n", NAMESPACE, "get", kind)["items"]:
        name = item["metadata"]["name"]
        for key in path:
            item = item[key]
        found[name] = item
    return found


def redis(here: Access, *command: str, server: int = 0) -> str:
    shell = f"REDISCLI_AUTH=$(cat /etc/redis-auth/password) redis-cli {' '.join(command)}"
    return here.run("-n", NAMESPACE, "exec", f"redis-{server}", "--", "sh", "-c", shell).decode().strip()


@contextmanager
def traffic(here: Access) -> Generator[list[str]]:
    """A write to the primary and a read of each server, again and again; the list that is given has what failed."""
    stop, failed, asked = threading.Event(), list[str](), 0

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            try:
                said = [redis(here, "incr", "count"), *(redis(here, "get", "kept", server=n) for n in range(3))]
            except Failure as failure:
                failed.append(str(failure))
            else:
                asked += 1
                failed.extend(text for text in said[1:] if text != "1")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield failed
    finally:
        stop.set()
        thread.join()
        assert asked > 0


def await_size(here: Access, size: str) -> None:
    deadline = time.monotonic() + 30
    while of(here, "pvc", "status", "capacity", "storage") != dict.fromkeys(CLAIMS, size):
        assert time.monotonic() < deadline, of(here, "pvc", "status")
        time.sleep(0.2)


def test_volumes_grow_under_running_servers_and_never_shrink(
    here: Access, deployment: Callable[..., Deployment]
) -> None:
    up(deployment("256Mi"))
    redis(here, "set", "kept", "1")
    pods, owner = of(here, "pods", "metadata", "uid"), of(here, "statefulset", "metadata", "uid")
    with traffic(here) as failed:
        assert set(preview(deployment("512Mi"))) == {(OpType.UPDATE, name) for name in CLAIMS}
        assert set(up(deployment("512Mi"))) == {(OpType.UPDATE, name) for name in CLAIMS}
        await_size(here, "512Mi")
    assert failed == []
    assert (of(here, "pods", "metadata", "uid"), of(here, "statefulset", "metadata", "uid")) == (pods, owner)

    for act in (preview, up):
        with pytest.raises(Failure, match="can not be less than") as refused:
            act(deployment("256Mi"))
        assert "data-redis-" in refused.value.message
    assert of(here, "pvc", "spec", "resources", "requests", "storage") == dict.fromkeys(CLAIMS, "512Mi")
    assert of(here, "pods", "metadata", "uid") == pods
    assert up(deployment("512Mi")) == []
    assert redis(here, "get", "kept") == "1"


def test_a_claim_of_a_removed_server_stays_and_is_taken_over_again(
    here: Access, deployment: Callable[..., Deployment]
) -> None:
    up(deployment(servers=3))
    claim = of(here, "pvc", "metadata", "uid")
    up(deployment(servers=1))
    assert of(here, "pvc", "metadata", "uid") == claim
    up(deployment("512Mi", servers=3))
    assert of(here, "pvc", "metadata", "uid") == claim
    assert of(here, "pvc", "spec", "resources", "requests", "storage") == dict.fromkeys(CLAIMS, "512Mi")
