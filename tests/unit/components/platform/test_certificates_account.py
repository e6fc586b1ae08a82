"""The ACME account: Let's Encrypt's stays for good, Pebble's goes with the hosts for which Pebble starts anew."""

from tests.conftest import record, settings_of
from tools.stack import names

OTHER = "status.other.test"


def name_of(stack: str) -> str:
    return settings_of(stack)["certificates"]["issuer"]


def account_of(stack: str, **changes: str) -> str:
    issuer = record(stack, **changes).one("ClusterIssuer", name_of(stack))
    return issuer["spec"]["acme"]["privateKeySecretRef"]["name"]


def test_pebble_is_asked_in_the_name_of_another_account_for_other_hosts() -> None:
    before, after = account_of("local"), account_of("local", statusHost=OTHER)
    assert before.startswith("pebble-account-")
    assert before != after
    assert account_of("local") == before


def test_an_account_at_lets_encrypt_stays() -> None:
    for stack in names():
        if stack not in ("local", "shared"):
            assert account_of(stack) == f"{name_of(stack)}-account"
