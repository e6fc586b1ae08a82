"""Logs, request ids, metrics and probes."""

import re
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from .processes import Api, Redis, eventually


def logged(api: Api, request_id: str) -> dict:
    (line,) = eventually(lambda: [line for line in api.log() if line.get("request_id") == request_id], "one line")
    return line


def test_a_request_is_one_line(api: Api, client: httpx.Client) -> None:
    answer = client.post("/api/entries?token=hush", json={"text": "private"}, headers={"x-request-id": "Trace-1.a_b"})
    assert answer.headers["x-request-id"] == "Trace-1.a_b"
    line = logged(api, "Trace-1.a_b")
    assert abs(datetime.now().timestamp() - datetime.fromisoformat(line.pop("time")).timestamp()) < 60
    assert 0 < line.pop("milliseconds") < 1000
    assert line == {
        "level": "info",
        "logger": "request",
        "request_id": "Trace-1.a_b",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/api/entries",
        "status": 201,
    }


@pytest.mark.parametrize(
    ("forwarded", "client_"),
    [("203.0.113.9", "203.0.113.9"), ("6.6.6.6, 203.0.113.9", "203.0.113.9"), ("2001:db8::7", "2001:db8::7")],
)
def test_the_client_is_the_one_that_a_trusted_proxy_names(
    api: Api, client: httpx.Client, forwarded: str, client_: str
) -> None:
    answer = client.get("/api", headers={"x-forwarded-for": forwarded})
    assert logged(api, answer.headers["x-request-id"])["client"] == client_


def test_nobody_else_is_believed(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, TRUSTED_PROXIES="192.0.2.0/24").running() as api:
        spoof = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
        answer = api.client.get("/api", headers=spoof)
        assert logged(api, answer.headers["x-request-id"])["client"] == "127.0.0.1"
        own = {"origin": api.url.replace("http:", "https:"), **spoof}
        assert api.client.post("/api", json=1, headers=own).status_code == 403


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", 'quote"', "a,b", "<b>"])
def test_an_id_that_is_not_sane_is_replaced(api: Api, client: httpx.Client, given: str) -> None:
    answer = client.get("/api", headers={"x-request-id": given})
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", answer.headers["x-request-id"])
    assert logged(api, answer.headers["x-request-id"])["status"] == 200


def test_ids_differ(client: httpx.Client) -> None:
    assert len({client.get("/api").headers["x-request-id"] for _ in range(20)}) == 20


def test_a_hostile_path_stays_one_line(api: Api, client: httpx.Client) -> None:
    answer = client.get("/%0a%7b%22level%22%3a%22forged%22%7d%ff" + "x" * 5_000)
    line = logged(api, answer.headers["x-request-id"])
    assert line["path"].startswith('/\n{"level":"forged"}')
    assert len(line["path"]) == 256


def test_requests_are_counted_by_route_and_status(api: Api, client: httpx.Client) -> None:
    def count(method: str, route: str, status: int) -> float:
        labels = f'{{method="{method}",route="{route}",status="{status}"}}'
        return api.metric(f"journal_http_request_duration_seconds_count{labels}")

    def ask() -> None:
        client.get("/api")
        client.get("/api/entries/" + "0" * 21)
        client.get("/nowhere")

    ask()
    kinds = (("GET", "/api", 200), ("GET", "/api/entries/{id}", 404), ("GET", "unknown", 404))
    before = [count(*kind) for kind in kinds]
    ask()
    assert [count(*kind) for kind in kinds] == [number + 1 for number in before]


def test_methods_that_nobody_knows_share_a_label(api: Api, client: httpx.Client) -> None:
    assert client.request("PROPFIND", "/api").status_code == 405
    assert api.metric('journal_http_request_duration_seconds_count{method="other",route="unknown",status="405"}') >= 1


def test_redis_and_version_are_told(api: Api) -> None:
    assert api.metric('journal_redis_up{role="read"}') == api.metric('journal_redis_up{role="write"}') == 1
    assert api.metric('journal_info{commit="bfeda01f",environment="local",version="1.2.3"}') == 1


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/api", 404)])
def test_the_management_port(api: Api, client: httpx.Client, path: str, status: int) -> None:
    assert client.get(api.management + path).status_code == status
    assert client.head(api.management + path).status_code == status
    assert client.post(api.management + path).status_code == (404 if status == 404 else 405)


def test_the_management_paths_are_not_public(client: httpx.Client) -> None:
    assert [client.get(path).status_code for path in ("/livez", "/readyz", "/metrics")] == [404, 404, 404]


def test_the_version(client: httpx.Client) -> None:
    answer = client.get("/api/version")
    assert answer.json() == {"version": "1.2.3", "commit": "bfeda01f", "environment": "local"}
