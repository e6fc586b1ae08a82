"""What NGINX answers: status, caching, compression, security headers on every answer, logs, and a graceful end."""

import json
import re
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from apps.fileserver.tests.nginx import Nginx

SECURITY = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
IMMUTABLE = "public, max-age=31536000, immutable"


def asset(site: Path, name: str) -> str:
    """The address of the asset with that source name."""
    stem, suffix = name.split(".")
    (found,) = (site / "assets").glob(f"{stem}.*.{suffix}")
    return f"/assets/{found.name}"


def raw(server: Nginx, request: bytes) -> bytes:
    """The whole answer to bytes that no HTTP client would send."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def assert_secure(headers: httpx.Headers) -> None:
    for name, value in SECURITY.items():
        assert headers.get_list(name) == [value], name
    assert headers["X-Request-Id"]
    assert headers["Server"] == "nginx"
    assert "Last-Modified" not in headers
    policy = dict((part.strip() + " ").split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"].strip() == "'none'"
    assert policy["frame-ancestors"].strip() == "'none'"
    assert policy["require-trusted-types-for"].strip() == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "*" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/index.html", "/healthz", "/404.html"])
def test_pages_are_secure_and_asked_for_again(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"
    assert_secure(response.headers)


@pytest.mark.parametrize(
    ("name", "kind"), [("app.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_assets_are_kept_for_good(client: httpx.Client, site: Path, name: str, kind: str) -> None:
    response = client.get(asset(site, name))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == IMMUTABLE
    assert response.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert_secure(response.headers)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_unchanged_page_is_not_sent_again(client: httpx.Client, encoding: str) -> None:
    first = client.get("/", headers={"Accept-Encoding": encoding})
    again = client.get("/", headers={"Accept-Encoding": encoding, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "no-cache"
    assert_secure(again.headers)


def test_gzip_where_asked_for(client: httpx.Client, site: Path) -> None:
    plain = client.get(asset(site, "style.css"))
    packed = client.get(asset(site, "style.css"), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 2
    assert packed.content == plain.content


@pytest.mark.parametrize("path", ["/nothing", "/assets/app.0000000000.js", "/assets/", "/assets", "/index.html.gz"])
def test_unknown_addresses_get_the_own_page(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "<h1>Page not found</h1>" in response.text
    assert response.headers["Cache-Control"] == "no-cache"
    assert_secure(response.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing"])
def test_only_reading_is_allowed(client: httpx.Client, method: str, path: str) -> None:
    response = client.request(method, path, content=b"text" if method == "POST" else None)
    assert response.status_code == 405
    assert_secure(response.headers)
    if method != "TRACE":  # NGINX refuses TRACE before it looks at a configuration.
        assert response.headers["Allow"] == "GET, HEAD"


def test_head_is_get_without_the_body(client: httpx.Client) -> None:
    head, get = client.head("/"), client.get("/")
    assert head.status_code == 200
    assert head.content == b""
    varying = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in get.headers.items() if k not in varying
    }


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 400),
        (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n" + b"a" * 5000, 413),
    ],
)
def test_broken_requests_are_answered_securely(server: Nginx, request_bytes: bytes, status: int) -> None:
    head, _, body = raw(server, request_bytes).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first.split()[1] == str(status)
    assert_secure(httpx.Headers([(name, value) for name, _, value in (line.partition(": ") for line in lines)]))
    assert b"<h1>That did not work</h1>" in body


def last_log(server: Nginx, path: str) -> dict:
    """The newest line of the access log for that path. NGINX writes it after the answer."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = [line for line in map(json.loads, server.access_log.read_text().splitlines()) if line["path"] == path]
        if found:
            return found[-1]
        time.sleep(0.01)
    raise AssertionError(f"no line for {path} in the access log")


def test_logs_are_json_with_the_request_id_that_came(server: Nginx, client: httpx.Client) -> None:
    client.post("/?log=1", headers={"X-Request-Id": "abc-123", "User-Agent": 'a"b\\c'})
    line = last_log(server, "/?log=1")
    assert (line["request_id"], line["method"], line["status"]) == ("abc-123", "POST", 405)
    assert line["user_agent"] == 'a"b\\c'


def test_a_strange_request_id_is_replaced(client: httpx.Client) -> None:
    response = client.get("/", headers={"X-Request-Id": 'x" injected: {}'})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-Id"])


def test_health_checks_are_not_logged(server: Nginx, client: httpx.Client) -> None:
    client.get("/healthz")
    client.get("/?after-health")
    assert last_log(server, "/?after-health")["status"] == 200
    lines = [json.loads(line) for line in server.access_log.read_text().splitlines()]
    assert [line for line in lines if line["path"] == "/healthz" and line["status"] == 200] == []


def test_nothing_goes_to_the_error_log(fresh_server: Nginx, site: Path) -> None:
    for path in ("/", "/nothing", asset(site, "app.js")):
        httpx.get(f"{fresh_server.url}{path}")
    assert fresh_server.error_log.read_text() == ""


def refuses(url: str) -> bool:
    """Whether nothing listens there."""
    try:
        httpx.get(url, timeout=1)
    except httpx.ConnectError:
        return True
    except httpx.HTTPError:
        return False
    return False


def test_sigquit_finishes_what_was_begun(fresh_server: Nginx) -> None:
    address = urlsplit(fresh_server.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        # One request and the start of another: the answer to the first shows that NGINX has read both.
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        fresh_server.process.send_signal(signal.SIGQUIT)
        deadline = time.monotonic() + 10
        while not refuses(f"{fresh_server.url}/healthz"):
            assert time.monotonic() < deadline
        assert fresh_server.process.poll() is None
        connection.sendall(b"Host: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert fresh_server.process.wait(10) == 0
