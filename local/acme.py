"""The ACME root of stack `local`: Pebble makes a new one at every start, so every root that it had is remembered."""

import socket
import ssl
import time
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from local.access import Access
from tools.failures import Failure
from tools.files import write_atomically

ROOT_PATH = "/api/v1/namespaces/pebble/services/https:pebble:15000/proxy/roots/0"
SECRET = "journal-tls"  # noqa: S105
ACCOUNT = "pebble-account"
"""How the name of a Secret with an account's key begins: one for each set of hosts."""
IN_CERT_MANAGER = ("-n", "cert-manager")
CERTIFICATES = "certificates.cert-manager.io"
IN_JOURNAL = ("-n", "journal")
SERVED_SECONDS, REISSUED_SECONDS = 10.0, 90.0


def remember(current_pem: bytes, file: Path) -> None:
    """Add the root to the file of roots, unless it is there. Raises ValueError for what is no certificate."""
    root = x509.load_pem_x509_certificate(current_pem).public_bytes(Encoding.PEM)
    known = file.read_bytes() if file.exists() else b""
    if root not in known:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, root + known)


def trust(access: Access, host: str, address: str, roots: Path) -> None:
    """Leave in `roots` what vouches for the certificate that is served.

    A certificate whose root nobody remembers (Pebble started anew, and this was interrupted before) is issued again.
    Raises Failure.
    """
    remember(access.run("get", "--raw", ROOT_PATH), roots)
    if _verified_in(SERVED_SECONDS, host, address, roots):
        return
    _issue_again(access)
    if not _verified_in(REISSUED_SECONDS, host, address, roots):
        raise Failure(
            f"https://{host} at {address} does not answer with a certificate of the local ACME server.",
            "See `make status`, `make logs TIER=traefik` and `make kubectl ARGS='-n journal describe certificate'`.",
        )


def recover(access: Access) -> bool:
    """Let a certificate that could not be issued be asked for again; whether there was one.

    cert-manager waits an hour after a failure, and knows an account that Pebble forgot when it started anew.
    """
    if not access.run("get", "crd", CERTIFICATES, "--ignore-not-found", "-o", "name").strip():
        return False
    items = access.json(*IN_JOURNAL, "get", CERTIFICATES)["items"]
    failed = [item["metadata"]["name"] for item in items if "lastFailureTime" in item.get("status", {})]
    if failed:
        access.run(*IN_JOURNAL, "delete", CERTIFICATES, *failed)
        _issue_again(access)
    return bool(failed)


def forget_accounts(access: Access) -> bool:
    """Let cert-manager register anew where Pebble forgot its account, which it does at each start; whether it did.

    An order in the name of an account that the server does not know fails, and cert-manager waits an hour after it.
    """
    pods = access.json("-n", "pebble", "get", "pods")["items"]
    states = [status["state"] for pod in pods for status in pod["status"].get("containerStatuses", [])]
    started = [state["running"]["startedAt"] for state in states if "running" in state]
    # Kubernetes writes times so that later ones sort later.
    forgotten = [name for name, made in accounts(access).items() if made < max(started)] if started else []
    if forgotten:
        access.run(*IN_CERT_MANAGER, "delete", "secret", *forgotten)
    return bool(forgotten)


def accounts(access: Access) -> dict[str, str]:
    """When the key of each account at Pebble was made, by the name of its Secret."""
    found = [secret["metadata"] for secret in access.json(*IN_CERT_MANAGER, "get", "secrets")["items"]]
    return {one["name"]: one["creationTimestamp"] for one in found if one["name"].startswith(ACCOUNT)}


def ask(client: httpx.Client, path: str, seconds: float = SERVED_SECONDS) -> httpx.Response:
    """The answer to GET `path`. One of several ingress pods may still serve its own certificate. Raises Failure."""
    end = time.monotonic() + seconds
    while True:
        try:
            return client.get(path)
        except httpx.TransportError as error:
            if time.monotonic() >= end:
                raise Failure(
                    f"{client.base_url.join(path)} does not answer: {error}", "See `make logs TIER=traefik`."
                ) from error
        time.sleep(0.2)


def _issue_again(access: Access) -> None:
    """Begin with a new account and nothing of the old orders; the engine makes the Certificate again."""
    if names := list(accounts(access)):
        access.run(*IN_CERT_MANAGER, "delete", "secret", *names)
    access.run(*IN_JOURNAL, "delete", "secret", SECRET, "--ignore-not-found")
    access.run(*IN_JOURNAL, "delete", "certificaterequests.cert-manager.io", "--all")


def _verified_in(seconds: float, host: str, address: str, roots: Path) -> bool:
    end = time.monotonic() + seconds
    while not (found := verifies(host, address, roots)) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def verifies(host: str, address: str, roots: Path) -> bool:
    """Whether the certificate that `address` answers with for `host` comes from one of the roots."""
    context = ssl.create_default_context(cafile=str(roots))
    try:
        with (
            socket.create_connection((address, 443), timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except OSError:
        return False


def client(url: str, address: str, roots: Path, *, retries: int = 1) -> httpx.Client:
    """A client of the journal that connects to `address`, and checks the certificate for the host in `url`.

    retries: how often it tries again to connect.
    """

    def connect_to_address(request: httpx.Request) -> None:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host=address)

    transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(roots)), retries=retries)
    client = httpx.Client(base_url=url, transport=transport, timeout=20, trust_env=False)
    client.event_hooks = {"request": [connect_to_address]}
    return client
