"""The ACME roots that are remembered, and a client that checks a certificate by them."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from local import acme
from tools.failures import Failure


def certificate(name: str, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A root for itself, for the host `name`, in PEM."""
    key, subject = (
        key or ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, name)]),
    )
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_every_acme_root_is_remembered_once_and_the_newest_is_first(tmp_path: Path) -> None:
    file, first, second = tmp_path / "roots.pem", certificate("first"), certificate("second")
    for current in (first, first, second, first):
        acme.remember(current, file)
    assert file.read_bytes() == second + first


def test_what_is_no_certificate_is_not_remembered(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PEM"):
        acme.remember(b"404 page not found", tmp_path / "roots.pem")
    assert not (tmp_path / "roots.pem").exists()


class Echo(BaseHTTPRequestHandler):
    """Answers with the host that it was asked for."""

    def do_GET(self) -> None:
        body = self.headers["Host"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a server on 127.0.0.1 with a certificate for journal.test, which is in `tmp_path`/root.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    root, both = tmp_path / "root.pem", tmp_path / "both.pem"
    root.write_bytes(certificate("journal.test", key))
    both.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + root.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


def test_a_client_connects_to_the_address_and_asks_for_the_host(tmp_path: Path, port: int) -> None:
    url = f"https://journal.test:{port}"
    with acme.client(url, "127.0.0.1", tmp_path / "root.pem") as client:
        assert [client.get("/").text for _ in range(2)] == [f"journal.test:{port}"] * 2


@pytest.mark.parametrize(("host", "root"), [("other.test", "root.pem"), ("journal.test", "another.pem")])
def test_a_client_refuses_another_hosts_certificate_and_another_root(
    tmp_path: Path, port: int, host: str, root: str
) -> None:
    (tmp_path / "another.pem").write_bytes(certificate("journal.test"))
    with (
        acme.client(f"https://{host}:{port}", "127.0.0.1", tmp_path / root) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get("/")


def refused(times: int) -> httpx.Client:
    """A client that is refused so often, and then answered."""
    asked = iter(range(times + 1))

    def answer(request: httpx.Request) -> httpx.Response:
        if next(asked, times) < times:
            raise httpx.ConnectError("certificate verify failed: self-signed certificate", request=request)
        return httpx.Response(200)

    return httpx.Client(base_url="https://journal.test", transport=httpx.MockTransport(answer))


def test_an_ingress_pod_that_has_no_certificate_yet_is_asked_again() -> None:
    with refused(times=2) as client:
        assert acme.ask(client, "/api").status_code == 200


def test_a_certificate_that_nobody_vouches_for_is_told_in_words() -> None:
    with refused(times=100) as client, pytest.raises(Failure, match=r"journal.test/api does not answer: certificate"):
        acme.ask(client, "/api", seconds=0.1)
