"""`KEEP_DATA=1 make down` and `make up`: the same journal, from another cluster. It takes minutes."""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import acme, cluster
from local.access import access
from tests.live.load import ONLY_DRILLS
from tools import stack

pytestmark = [pytest.mark.lifecycle, ONLY_DRILLS, pytest.mark.timeout(900)]


def make(target: str, **variables: str) -> str:
    """What `make TARGET` prints."""
    ran = subprocess.run(
        ["make", target], cwd=stack.ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    return ran.stdout


def journal() -> httpx.Client:
    found = json.loads((stack.STATE / "local.json").read_text())
    return acme.client(found["url"], found["address"], Path(found["ca"]))


def entries(http: httpx.Client) -> list[dict[str, Any]]:
    """The whole journal."""
    found, query = [], {"limit": "100"}
    while True:
        page = http.get("/api/entries", params=query, timeout=30).raise_for_status().json()
        found += page["entries"]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


def claims() -> dict[str, str]:
    """Each claim of the journal, with the uid that its cluster gave it."""
    items = access().json("-n", "journal", "get", "pvc")["items"]
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in items}


def test_the_journal_is_kept_only_when_asked() -> None:
    make("up")  # other tests may have left nothing
    make("backup")  # a claim has no volume before its first pod
    mark = uuid.uuid4().hex
    with journal() as http:
        for number in range(200):
            http.post("/api/entries", json={"text": f"{mark} {number}"}).raise_for_status()
        before = entries(http)
    had = claims()

    said = make("down", KEEP_DATA="1")
    assert f"Kept: {', '.join(f'journal/{name}' for name in sorted(had))}" in said
    assert "`make up` takes it up" in said
    assert cluster.status().node is None

    assert "is taken up: journal/data-redis-0" in make("up")
    assert claims().keys() == had.keys()
    assert not set(claims().values()) & set(had.values())
    with journal() as http:
        assert entries(http) == before
        assert len(before) >= 200
        http.post("/api/entries", json={"text": f"{mark} after"}).raise_for_status()

    assert "Kept" not in make("down")
    assert cluster.kept_volumes() == []
    assert "taken up" not in make("up")
    with journal() as http:
        assert [entry for entry in entries(http) if mark in str(entry["text"])] == []
