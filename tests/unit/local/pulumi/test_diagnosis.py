"""What a crashed container's log says, whichever of its runs the kubelet still has."""

from pathlib import Path
from typing import Any

import pytest

from local.access import Access
from local.pulumi.diagnosis import causes

REMOVED = "unable to retrieve container logs for containerd://c4a9d5577b3e"
POD = {
    "kind": "Pod",
    "metadata": {"name": "web-1", "uid": "1"},
    "status": {
        "containerStatuses": [
            {
                "name": "main",
                "ready": False,
                "restartCount": 2,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 3}},
            }
        ]
    },
}


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        ("no settings", "", "no settings"),
        (REMOVED, "no settings", "no settings"),
        (REMOVED, REMOVED, ""),
        ("", "of another run", ""),
    ],
)
def test_the_log_is_that_of_a_run_which_is_there(
    previous: str, current: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Access, *arguments: str, **__: Any) -> bytes:
        return (previous if "--previous" in arguments else current).encode()

    monkeypatch.setattr(Access, "json", lambda *_: POD)
    monkeypatch.setattr(Access, "run", run)
    (cause,) = causes(Access(Path("kubectl"), Path("helm"), None, None), "Pod", "default", "web-1")
    assert "crashes (exit code 3, 2 restarts)" in cause.text
    assert cause.log == expected
