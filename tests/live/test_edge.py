"""The edge of the running stack: broken, huge and slow requests, hosts and paths, headers, TLS. `make up` comes first.

Its rate limit is off (Pulumi.local.yaml); test_edge_limits.py has it.
"""

import json
import ssl
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cryptography import x509

from components.platform.ingress_controller import HEAD_BYTES
from components.settings import Limits
from tests.live.front_door import Answer, Door, unverified

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]
READ_SECONDS = Limits().read_seconds
POST = "POST /api/entries HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def door(local_stack: dict[str, str]) -> Door:
    return Door(local_stack["url"].removeprefix("https://"), local_stack["address"])


@pytest.fixture(scope="module")
def status_door(door: Door) -> Door:
    return Door(f"status.{door.host}", door.address)


def post(door: Door, headers: str, body: str) -> Answer:
    return door.ask(f"{POST.format(host=door.host)}{headers}\r\n\r\n{body}".encode())


@pytest.mark.parametrize("path", ["/", "/api", "/api/entries/none", "/none"])
def test_every_answer_has_each_header_of_the_edge_once(door: Door, path: str) -> None:
    answer = door.get(path)
    assert answer.values("Strict-Transport-Security") == ["max-age=0; includeSubDomains"]
    assert answer.values("X-Content-Type-Options") == ["nosniff"]
    assert answer.values("Server") == []


def test_the_pages_own_headers_are_the_pages(door: Door) -> None:
    page, api = door.get("/"), door.get("/api")
    for name in ("X-Frame-Options", "Referrer-Policy", "Permissions-Policy", "Content-Security-Policy"):
        assert (len(page.values(name)), len(api.values(name))) == (1, 0), name


@pytest.mark.parametrize(
    ("path", "accepted", "encoding"),
    [
        ("/api/openapi.json", "gzip, br", ["br"]),
        ("/api/openapi.json", "gzip", ["gzip"]),
        ("/api/openapi.json", "identity", []),
        ("/api/version", "gzip, br", []),
        ("/", "gzip, br", ["gzip"]),
    ],
)
def test_what_is_compressed(door: Door, path: str, accepted: str, encoding: list[str]) -> None:
    answer = door.get(path, f"Accept-Encoding: {accepted}")
    assert (answer.status, answer.values("Content-Encoding")) == (200, encoding)
    assert "Accept-Encoding" in ",".join(answer.values("Vary")) or not encoding


@pytest.mark.parametrize("path", ["/", "/api"])
@pytest.mark.parametrize("size", [2 * HEAD_BYTES, 64 * HEAD_BYTES])
def test_a_huge_head_is_refused(door: Door, path: str, size: int) -> None:
    """Of the larger one not all is read: the connection may be reset before the answer is."""
    answer = door.get(path, f"X-Huge: {'a' * size}")
    assert answer.status == 431 or (size > 2 * HEAD_BYTES and answer.status == 0)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Length: 3\r\nContent-Length: 4", "abcd"),
        ("Content-Length: -1", ""),
        ("Content-Length: 2\r\nno header", "{}"),
        ("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        ("Host: other.test\r\nContent-Length: 2", "{}"),
    ],
)
def test_a_request_that_is_not_http_is_refused(door: Door, headers: str, body: str) -> None:
    assert post(door, f"{headers}\r\nConnection: close", body).status in (400, 501)


@pytest.mark.parametrize("broken", ["zz\r\n", "-1\r\n", "5\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\na\r\n"])
def test_a_malformed_chunk_writes_nothing_and_harms_nobody(door: Door, http: httpx.Client, broken: str) -> None:
    """Traefik itself answers 500, as long as its issue 11087 is open; 400 is right."""
    text = uuid.uuid4().hex
    entry = json.dumps({"text": text})
    answer = post(door, "Transfer-Encoding: chunked\r\nConnection: close", f"{len(entry):x}\r\n{entry}\r\n{broken}")
    assert answer.status in (400, 500)
    assert b"problem" not in answer.body, "the API has had no request"
    assert text not in http.get("/api").text
    assert http.get("/api").status_code == 200


def test_slow_clients_are_cut_off(door: Door) -> None:
    """One that never ends its head, and one that never ends its body; the API itself is the first to refuse that."""
    head = f"GET / HTTP/1.1\r\nHost: {door.host}\r\n"
    body = "Content-Length: 100\r\nConnection: close\r\n\r\n{"
    slow = {
        "head": f"{head}X-Slow: ",
        "body of the API": f"{POST.format(host=door.host)}{body}",
        "body of the page": f"{head}{body}",
    }
    with ThreadPoolExecutor(len(slow)) as pool:
        answers = dict(zip(slow, pool.map(lambda text: door.ask(text.encode()), slow.values()), strict=True))
    for what, answer in answers.items():
        assert answer.seconds < READ_SECONDS + 5, what
        assert answer.status != 500, what
    assert answers["head"].status in (0, 408)
    assert answers["body of the API"].status == 408


@pytest.mark.parametrize("path", ["/", "/api", "/api/version", "/healthz"])
@pytest.mark.parametrize("host", ["other.test", "api.{host}", "{host}.other.test"])
def test_an_unknown_host_reaches_no_tier(door: Door, host: str, path: str) -> None:
    answer = door.get(path, host=host.format(host=door.host))
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.values("X-Request-Id") == []


@pytest.mark.parametrize(
    ("path", "api"),
    [("/api", True), ("/api/", True), ("/api/none", True), ("/apifoo", False), ("/api.json", False), ("/API", False)],
)
def test_a_prefix_is_of_whole_elements(door: Door, path: str, api: bool) -> None:
    assert (door.get(path).values("Journal-Version") != []) == api


def test_the_status_host_says_what_runs_and_no_more(status_door: Door) -> None:
    version, page = status_door.get("/api/version"), status_door.get("/healthz")
    assert (version.status, json.loads(version.body)["environment"]) == (200, "local")
    assert (page.status, page.body) == (200, b"ok\n")
    for path in ("/", "/api", "/api/", "/api/entries", "/api/versions", "/healthzz", "/index.html"):
        answer = status_door.get(path)
        assert (answer.status, answer.values("X-Request-Id")) == (404, []), path


def test_the_certificate_names_both_hosts(door: Door, status_door: Door, local_stack: dict[str, str]) -> None:
    verified = ssl.create_default_context(cafile=local_stack["ca"])
    for host in (door.host, status_door.host):
        with Door(host, door.address, tls=verified).connect() as connection:
            found = connection.getpeercert(binary_form=True)
        assert found is not None
        names = x509.load_der_x509_certificate(found).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert set(names.value.get_values_for_type(x509.DNSName)) == {door.host, status_door.host}


def offering(version: ssl.TLSVersion, suites: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that speaks this version alone, and offers these suites where it is 1.2 or older."""
    context = unverified()
    context.set_ciphers(suites)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("version", "suites"),
    [
        (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA256"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:AES256-SHA"),
    ],
)
def test_old_tls_is_refused(door: Door, version: ssl.TLSVersion, suites: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Door(door.host, door.address, tls=offering(version, suites)).connect()


@pytest.mark.parametrize(
    ("version", "suites"),
    [
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (ssl.TLSVersion.TLSv1_3, "ALL"),
    ],
)
def test_modern_tls_is_spoken(door: Door, version: ssl.TLSVersion, suites: str) -> None:
    with Door(door.host, door.address, tls=offering(version, suites)).connect() as connection:
        assert connection.version() == version.name.replace("TLSv1_", "TLSv1.")
