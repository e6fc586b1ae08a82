"""The digest's script against a server that answers as the API does: what it counts, and what it says when it can't."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from components.journal.digest import SCRIPT
from components.journal.digest_files.digest import Digest, DigestError, Entry, digest, window

NOW = datetime(2026, 11, 28, 5, tzinfo=UTC)


class Api:
    """The API's pages of entries. status: what it answers. texts: each entry, newest first, with when it was made."""

    def __init__(self) -> None:
        self.status = 200
        self.texts: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.address = ""

    def page(self, path: str) -> str:
        query = parse_qs(urlsplit(path).query)
        start, size = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        more = str(start + size) if start + size < len(self.texts) else None
        entries = [
            {"id": "1", "created": created, "updated": created, "text": text}
            for created, text in self.texts[start : start + size]
        ]
        return json.dumps({"entries": entries, "next": more})


def handler(made: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            if made.status != 200:
                self.send_error(made.status)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(made.page(self.path).encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing: the test says what it saw."""

    return Handler


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(made)) as server:
        made.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def run(address: str, output: Path, until: str = NOW.isoformat()) -> subprocess.CompletedProcess[str]:
    """As a pod runs it: nothing but the interpreter and the variables."""
    given = {"API": f"{address}/api", "HOURS": "24", "UNTIL": until, "OUTPUT": str(output)}
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT)], env=given, capture_output=True, text=True, check=False, timeout=30
    )


def test_it_counts_the_entries_of_the_hours_and_stops_at_the_first_older_one(api: Api, tmp_path: Path) -> None:
    within = [((NOW - timedelta(minutes=minute)).isoformat(), "one two three") for minute in range(1, 251)]
    older = [((NOW - timedelta(hours=25, minutes=minute)).isoformat(), "old") for minute in range(300)]
    api.texts = [(NOW.isoformat(), "too new"), *within, *older]
    done = run(api.address, tmp_path / "digest.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "digest.json").read_text())
    assert found == {
        "since": "2026-11-27T05:00:00+00:00",
        "until": "2026-11-28T05:00:00+00:00",
        "entries": 250,
        "words": 750,
        "longest": 13,
        "busiest": "2026-11-28T01:00Z",
    }
    assert json.loads(done.stdout) == found
    assert len(api.asked) == 3, "the pages behind are not asked for"


def test_an_empty_journal_has_a_digest(api: Api, tmp_path: Path) -> None:
    done = run(api.address, tmp_path / "digest.json", until="")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["entries"], found["words"], found["busiest"]) == (0, 0, None)


def test_an_api_that_answers_an_error_is_the_reason(api: Api, tmp_path: Path) -> None:
    api.status = 503
    done = run(api.address, tmp_path / "digest.json")
    assert done.returncode == 1
    assert "There is no digest: " in done.stderr
    assert "answers 503." in done.stderr
    assert not (tmp_path / "digest.json").exists()


def test_an_api_that_is_away_is_the_reason(tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9", tmp_path / "digest.json")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("hours", "until", "said"),
    [
        ("0", "", "hours is '0'; it is a number from 1 to 744."),
        ("745", "", "hours is '745'"),
        ("-1", "", "hours is '-1'"),
        ("a day", "", "hours is 'a day'"),
        ("24", "yesterday", "until is 'yesterday'; it is a time like"),
        ("24", "2026-11-28T05:00:00", "without a zone"),
    ],
)
def test_a_wrong_parameter_is_the_reason(hours: str, until: str, said: str) -> None:
    with pytest.raises(DigestError, match=said):
        window(hours, until, NOW)


def test_the_window_ends_now_unless_it_is_told_when() -> None:
    assert window("2", "", NOW) == (NOW - timedelta(hours=2), NOW)
    assert window("1", "2026-11-28T06:00:00+02:00", NOW)[1] == NOW - timedelta(hours=1)


def test_of_two_hours_with_as_many_entries_the_earlier_is_named() -> None:
    entries = (Entry(created=NOW - timedelta(hours=hour), text="x") for hour in (1, 3))
    found = digest(entries, NOW - timedelta(hours=24), NOW)
    assert found == Digest(
        since="2026-11-27T05:00:00+00:00",
        until="2026-11-28T05:00:00+00:00",
        entries=2,
        words=2,
        longest=1,
        busiest="2026-11-28T02:00Z",
    )
