"""Whatever is sent, the answer says what is wrong, and the process goes on."""

import asyncio
import json
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from journal_api import api as journal
from journal_api import http
from journal_api.settings import Settings

from .processes import Api, eventually

ENTRIES, JOURNAL, NO_ENTRY = "/api/entries", "/api", "/api/entries/" + "0" * 21
JSON = {"content-type": "application/json"}
BIG = b'{"text": "' + b"x" * 70_000 + b'"}'
DEEP = b"[" * 30_000 + b"]" * 30_000


def chunks(content: bytes) -> Any:
    yield from (content[start : start + 1000] for start in range(0, len(content), 1000))


@pytest.mark.parametrize(
    ("status", "method", "path", "content", "headers"),
    [
        (400, "POST", ENTRIES, b"", JSON),
        (400, "POST", ENTRIES, b'{"text": "a"', JSON),
        (400, "POST", ENTRIES, b"{'text': 'a'}", JSON),
        (400, "POST", ENTRIES, b'{"text": "\xff\xfe"}', JSON),
        (400, "POST", ENTRIES, b'{"text": "\x00"}', JSON),
        (400, "POST", ENTRIES, b'{"text": "\\ud800"}', JSON),
        (400, "POST", ENTRIES, b'{"text": NaN}', JSON),
        (400, "POST", ENTRIES, '{"text": "a"}'.encode("utf-16"), JSON),
        (400, "POST", ENTRIES, DEEP, JSON),
        (400, "POST", JOURNAL, DEEP, {}),
        (400, "POST", JOURNAL, b"1e400", {}),
        (400, "POST", JOURNAL, b"9" * 60_000, {}),
        (400, "POST", JOURNAL, b"text=a", {}),
        (400, "POST", JOURNAL, b'{"a": 1} {"b": 2}', {}),
        (400, "POST", ENTRIES, b'{"text": "a"}', {"idempotency-key": "x" * 256}),
        (400, "POST", ENTRIES, b'{"text": "a"}', {"idempotency-key": "with space"}),
        (400, "POST", ENTRIES, b'{"text": "a"}', {"idempotency-key": ""}),
        (400, "POST", ENTRIES, b'{"text": "a"}', [("idempotency-key", "a"), ("idempotency-key", "b")]),
        (400, "POST", JOURNAL, b"1", {"idempotency-key": ""}),
        (400, "POST", JOURNAL, b"1", [("idempotency-key", "a"), ("idempotency-key", "a")]),
        (400, "GET", ENTRIES + "?limit=0", None, {}),
        (400, "GET", ENTRIES + "?limit=101", None, {}),
        (400, "GET", ENTRIES + "?limit=-1", None, {}),
        (400, "GET", ENTRIES + "?limit=null", None, {}),
        (400, "GET", ENTRIES + "?limit=ten", None, {}),
        (400, "GET", ENTRIES + "?limit=" + "9" * 5_000, None, {}),
        (400, "GET", ENTRIES + "?limit=", None, {}),
        (400, "GET", ENTRIES + "?limit=%D9%A3", None, {}),
        (400, "GET", ENTRIES + "?limit=1&limit=2", None, {}),
        (400, "GET", ENTRIES + "?limt=1", None, {}),
        (400, "GET", ENTRIES + "?cursor=", None, {}),
        (400, "GET", ENTRIES + "?cursor=newest", None, {}),
        (400, "GET", ENTRIES + "?cursor=%00%ff", None, {}),
        (404, "GET", NO_ENTRY, None, {}),
        (404, "GET", ENTRIES + "/unknown", None, {}),
        (404, "GET", ENTRIES + "/%ff%00%0a", None, {}),
        (404, "GET", ENTRIES + "/" + "0" * 8_000, None, {}),
        (404, "GET", ENTRIES + "/a/b", None, {}),
        (404, "PUT", NO_ENTRY, b'{"text": "a"}', JSON),
        (404, "DELETE", NO_ENTRY, None, {}),
        (404, "GET", "/", None, {}),
        (404, "POST", "/apis", b"{}", JSON),
        (405, "DELETE", JOURNAL, None, {}),
        (405, "PUT", ENTRIES, b'{"text": "a"}', JSON),
        (405, "POST", NO_ENTRY, b'{"text": "a"}', JSON),
        (405, "TRACE", JOURNAL, None, {}),
        (405, "OPTIONS", JOURNAL, None, {}),
        (405, "OPTIONS", NO_ENTRY, None, {}),
        (405, "POST", "/api/version", b"{}", JSON),
        (413, "POST", ENTRIES, BIG, JSON),
        (413, "POST", JOURNAL, BIG, {}),
        (413, "PUT", NO_ENTRY, BIG, JSON),
        (413, "POST", ENTRIES, chunks(BIG), JSON),
        (415, "POST", ENTRIES, b'{"text": "a"}', {"content-type": "text/plain"}),
        (415, "POST", ENTRIES, b'{"text": "a"}', {"content-type": "application/json; charset=latin-1"}),
        (415, "POST", ENTRIES, b'{"text": "a"}', {**JSON, "content-encoding": "gzip"}),
        (415, "POST", JOURNAL, b"<a/>", {"content-type": "application/xml"}),
        (422, "POST", ENTRIES, b"[]", JSON),
        (422, "POST", ENTRIES, b"null", JSON),
        (422, "POST", ENTRIES, b"{}", JSON),
        (422, "POST", ENTRIES, b'{"text": 1}', JSON),
        (422, "POST", ENTRIES, b'{"text": null}', JSON),
        (422, "POST", ENTRIES, b'{"text": ["a"]}', JSON),
        (422, "POST", ENTRIES, b'{"text": ""}', JSON),
        (422, "POST", ENTRIES, b'{"text": " \\n "}', JSON),
        (422, "POST", ENTRIES, b'{"text": "' + b"x" * 10_001 + b'"}', JSON),
        (422, "POST", ENTRIES, b'{"text": "a", "id": "mine"}', JSON),
        (422, "PUT", NO_ENTRY, b'{"txt": "a"}', JSON),
        (422, "POST", JOURNAL, b"[" * 300 + b"]" * 300, {}),
        (422, "POST", JOURNAL, b"[" * 251 + b"]" * 251, {}),
        (422, "POST", JOURNAL, b'{"a":' * 251 + b"1" + b"}" * 251, {}),
        (422, "POST", JOURNAL, b'"' + b"x" * 10_001 + b'"', {}),
    ],
)
def test_a_bad_request_is_refused(
    client: httpx.Client, api: Api, status: int, method: str, path: str, content: Any, headers: Any
) -> None:
    answer = client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["type"], problem["title"]) == (status, "about:blank", answer.reason_phrase)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert len(problem["detail"]) > 10
    assert client.get(JOURNAL).json() == []
    assert api.is_alive()


def test_every_mistake_is_named(client: httpx.Client) -> None:
    problem = client.post(ENTRIES, json={"text": 1, "id": "mine"}).json()
    assert [error["pointer"] for error in problem["errors"]] == ["/text", "/id"]
    problem = client.get(ENTRIES, params={"page": 1, "size": 2}).json()
    assert [error["parameter"] for error in problem["errors"]] == ["page", "size"]


def test_405_names_what_is_allowed(client: httpx.Client) -> None:
    assert client.patch(JOURNAL).headers["allow"] == "GET, HEAD, POST"
    assert client.patch(NO_ENTRY).headers["allow"] == "DELETE, GET, HEAD, PUT"


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"BREW /api HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /api HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 40_000,
        b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /api HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        b"POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /api HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused(api: Api, client: httpx.Client, request_: bytes) -> None:
    answer = api.exchange(request_)
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 431")
    assert b"application/problem+json" in answer
    assert client.get(JOURNAL).json() == []


def test_an_upgrade_is_not_taken(api: Api) -> None:
    for protocol in (b"websocket", b"h2c"):
        head = b"GET /api HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: " + protocol
        assert api.exchange(head + b"\r\nsec-websocket-version: 13\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_connection_lives_on_after_a_body_that_was_too_large(api: Api) -> None:
    head = b"POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(BIG)
    with api.connection() as sock:
        sock.sendall(head)
        assert sock.recv(4096).startswith(b"HTTP/1.1 413")
        sock.sendall(BIG + b"GET /api HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_client_that_leaves_in_the_middle_is_only_logged(api: Api, client: httpx.Client) -> None:
    with api.connection() as sock:
        sock.sendall(b"POST /api HTTP/1.1\r\nhost: a\r\nx-request-id: left\r\ncontent-length: 9\r\n\r\n{")
    (line,) = eventually(lambda: [line for line in api.log() if line.get("request_id") == "left"], "the line is logged")
    assert line["status"] == 499
    assert client.get(JOURNAL).json() == []


def test_a_body_that_does_not_arrive_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(http, "BODY_TIMEOUT", 0.01)
    (tmp_path / "password").write_text("x")
    app = journal.application(Settings(redis_password_file=tmp_path / "password"), mock.MagicMock())
    scope: Any = {"type": "http", "method": "POST", "path": "/api", "headers": [], "query_string": b""}
    scope |= {"state": {"request_id": "id"}, "scheme": "http"}
    sent: list[Any] = []

    async def never() -> Any:
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, never, send))
    assert (sent[0]["status"], json.loads(sent[1]["body"])["title"]) == (408, "Request Timeout")
    assert (b"connection", b"close") in sent[0]["headers"]


def test_250_levels_are_kept(client: httpx.Client) -> None:
    for item in (b"[" * 250 + b"]" * 250, b'{"a":' * 250 + b"1" + b"}" * 250, b"[" + b"[]," * 300 + b"[]]"):
        assert client.post(JOURNAL, content=item).status_code == 200
        assert client.get(JOURNAL).content.startswith(b"[" + item)


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (b"18446744073709551615", b"18446744073709551615"),
        (b"-9223372036854775808", b"-9223372036854775808"),
        (b"9007199254740993", b"9007199254740993"),
        (b"18446744073709551616", b"1.8446744073709552e+19"),
        (b"0.1000000000000000055511151231257827", b"0.1"),
    ],
)
def test_numbers_are_kept_as_described(client: httpx.Client, number: bytes, kept: bytes) -> None:
    assert client.post(JOURNAL, content=number).content == b"[" + kept + b"]"
    described = client.get("/api/openapi.json").json()["info"]["description"].replace("\n", " ")
    assert "Whole numbers from -2^63 to 2^64-1 are kept exactly, all others as doubles" in described
