"""The journal's certificate under load: renewed when it is due, and ordered anew when its Secret is gone."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local import acme
from local.access import Access
from local.lifecycle import ROOTS
from tests.live.cluster_pods import until
from tests.live.front_door import Door
from tests.live.load import LONG
from tests.live.traffic import Traffic, drill, heading
from tools import paths

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
__all__ = ["heading"]  # a fixture
CERTIFICATE = "certificates.cert-manager.io/journal-tls"
DUE = "2159h59m"
"""A minute after it is issued: Pebble's certificates are valid for 2160 hours, less a second."""
RENEWALS = 2 if LONG else 1
OUTAGE_SECONDS = 30
CONNECTIONS = 10
"""Enough to meet each of two pods, but for once in five hundred times."""


@pytest.fixture(scope="module", autouse=True)
def account(here: Access, local_stack: dict[str, str]) -> None:
    """Pebble starts anew, with another root and without an account; Let's Encrypt does not. `make up` does the same."""
    here.run("-n", "pebble", "rollout", "restart", "deployment/pebble")
    here.run("-n", "pebble", "rollout", "status", "deployment/pebble", "--timeout=60s")
    until(lambda: len(here.json("-n", "pebble", "get", "pods")["items"]) == 1, 60)
    for roots in (paths.state() / ROOTS, Path(local_stack["ca"])):
        acme.remember(here.run("get", "--raw", acme.ROOT_PATH), roots)
    assert acme.forget_accounts(here)
    until(lambda: acme.accounts(here), 60)
    here.run("wait", "--for=condition=Ready", "clusterissuers.cert-manager.io/pebble", "--timeout=60s")
    assert not acme.forget_accounts(here)


def revision(here: Access) -> int:
    """How often it has been issued."""
    return here.json("-n", "journal", "get", CERTIFICATE)["status"]["revision"]


def served(local_stack: dict[str, str]) -> bytes:
    """The certificate that the front door shows for the journal's host, whoever signed it."""
    with Door(httpx.URL(local_stack["url"]).host, local_stack["address"]).connect() as connection:
        return connection.getpeercert(binary_form=True) or b""


def shown(local_stack: dict[str, str]) -> set[bytes]:
    """What each pod of the ingress shows."""
    return {served(local_stack) for _ in range(CONNECTIONS)}


@contextmanager
def due_early(here: Access) -> Generator[None]:
    patch = ["-n", "journal", "patch", CERTIFICATE, "--type=merge", "-p"]
    here.run(*patch, f'{{"spec":{{"renewBefore":"{DUE}"}}}}')
    try:
        yield
    finally:
        here.run(*patch, '{"spec":{"renewBefore":null}}')
        here.run("-n", "journal", "wait", "--for=condition=Ready", CERTIFICATE, "--timeout=60s")


def test_no_request_fails_while_a_certificate_is_renewed(here: Access, local_stack: dict[str, str]) -> None:
    first = {served(local_stack)}

    def act(load: Traffic) -> None:
        with due_early(here):
            for _ in range(RENEWALS):
                before = revision(here)
                until(lambda before=before: revision(here) > before, 120)
        until(lambda: not first & shown(local_stack), 30)

    load = drill(f"certificate renewed, {RENEWALS} times", act, local_stack)
    assert load.failed == []
    assert load.slow == []


def test_a_deleted_secret_comes_back_with_a_new_certificate(here: Access, local_stack: dict[str, str]) -> None:
    """Without it, Traefik shows a certificate of its own, which no client accepts."""
    first = {served(local_stack)}

    def act(load: Traffic) -> None:
        here.run("-n", "journal", "delete", "secret", "journal-tls")
        here.run("-n", "journal", "wait", "--for=create", "secret/journal-tls", "--timeout=60s")
        here.run("-n", "journal", "wait", "--for=condition=Ready", CERTIFICATE, "--timeout=60s")
        until(lambda: not first & shown(local_stack), 30)

    load = drill("TLS Secret deleted", act, local_stack)
    print(f"seconds from the first failed request to the last: {load.outage:.1f}")
    assert load.outage < OUTAGE_SECONDS
    assert {failure.split()[1] for failure in load.failed} <= {"ConnectError"}
    assert load.slow == []
