"""After an OOM kill the newest cause and its remedy are told, and no event that something newer has overtaken."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.access import Access
from local.pulumi.deployment import told
from local.pulumi.diagnosis import Cause, causes

MEMORY = "Raise its memory limit in the stack's file."
OLD, START, KILLED, NEW = (f"2026-11-27T{time}Z" for time in ("10:00:00", "10:10:00", "10:15:00", "10:15:30"))


def pod(name: str, *, created: str = START, **state: Any) -> dict[str, Any]:
    container = {"name": "main", "ready": False, "restartCount": 1, "image": "i", "state": {}, **state}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "uid": name, "creationTimestamp": created},
        "status": {"containerStatuses": [container]},
    }


def killed(at: str) -> dict[str, Any]:
    terminated = {"exitCode": 137, "reason": "OOMKilled", "startedAt": START, "finishedAt": at}
    return {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": terminated}}


def starting(at: str) -> dict[str, Any]:
    return {"state": {"running": {"startedAt": at}}, "restartCount": 0}


def event(uid: str, reason: str, message: str, at: str) -> dict[str, Any]:
    return {"uid": uid, "reason": reason, "message": message, "metadata": {}, "lastTimestamp": at}


@dataclass(frozen=True)
class Cluster(Access):
    """A StatefulSet with these pods, and these events."""

    pods: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def json(self, *arguments: str) -> Any:
        if "events" in arguments:
            uid = arguments[-1].partition("=")[2]
            return {"items": [e for e in self.events if e["uid"] == uid]}
        if "pods" in arguments:
            return {"items": self.pods}
        return {
            "kind": "StatefulSet",
            "metadata": {"name": "redis", "uid": "set"},
            "spec": {"replicas": max(1, len(self.pods)), "selector": {"matchLabels": {"app": "redis"}}},
            "status": {"replicas": len(self.pods)},
        }

    def run(self, *arguments: str) -> bytes:
        return b"its log"


def found(pods: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[Cause]:
    return causes(Cluster(Path("kubectl"), None, None, None, pods, events), "StatefulSet", "journal", "redis")


def test_that_no_pod_could_be_made_is_no_cause_once_all_are_there() -> None:
    quota = event("set", "FailedCreate", "exceeded quota", OLD)
    (cause,) = found([pod("redis-0", **killed(KILLED))], [quota])
    assert "out of memory" in cause.text
    (still,) = found([], [quota])
    assert "exceeded quota" in still.text


def test_an_event_that_a_newer_start_has_overtaken_is_no_cause() -> None:
    mount = event("redis-1", "FailedMount", "no such secret", OLD)
    assert found([pod("redis-1", **starting(START))], [mount]) == []
    (since,) = found([pod("redis-1", **starting(START))], [{**mount, "lastTimestamp": NEW}])
    assert "no such secret" in since.text


def test_the_newest_cause_comes_first() -> None:
    texts = [
        cause.text
        for cause in found(
            [pod("redis-0", **killed(KILLED)), pod("redis-2", **killed(OLD)), pod("redis-1", **killed(NEW))], []
        )
    ]
    assert [text.partition(" of pod ")[2].partition(" ")[0] for text in texts] == ["redis-1", "redis-0", "redis-2"]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_remedy_and_the_log_are_of_the_newest_cause_of_all(reverse: bool) -> None:
    quota = Cause("no pod is made: exceeded quota", "Correct the quota.", when=OLD)
    memory = Cause("redis crashes (out of memory)", MEMORY, "its log", when=KILLED)
    of_each = [("Deployment frontend: timed out", [quota]), ("StatefulSet redis: timed out", [memory])]
    failure = told(of_each[::-1] if reverse else of_each)
    assert (failure.hint, failure.log_tail) == (MEMORY, "its log")
    assert failure.message.index("out of memory") < failure.message.index("exceeded quota")


def test_what_is_so_now_comes_before_what_has_happened() -> None:
    now, before = Cause("can't be scheduled", "Add a node."), Cause("crashed", MEMORY, when=KILLED)
    assert told([("Deployment web: timed out", [before]), ("Deployment api: timed out", [now])]).hint == "Add a node."
