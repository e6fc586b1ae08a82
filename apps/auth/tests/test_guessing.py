"""Guessing is slow, and tells nobody which names there are."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from journal_auth.throttle import Rate, Throttle, network_of

from .processes import NAME, Auth, eventually


def refused(auth: Auth, name: str, client: str) -> tuple[int, dict, float]:
    began = time.monotonic()
    answer = auth.login(name=name, password="wrong wrong wrong", **{"x-forwarded-for": client})
    body = answer.json()
    body.pop("request_id")
    return answer.status_code, body, time.monotonic() - began


def test_an_unknown_name_gets_the_same_answer(auth: Auth) -> None:
    known = refused(auth, NAME, "192.0.2.2")[:2]
    assert known[0] == 401
    for name in ("nobody", "..data", "../key.json", "a/b", "Alice", "al\x00ice"):
        assert refused(auth, name, "192.0.2.1")[:2] == known


def test_an_unknown_name_takes_as_long(auth: Auth) -> None:
    refused(auth, NAME, "192.0.2.1")
    known, unknown = [], []
    for number in range(5):
        known.append(refused(auth, NAME, f"192.0.2.{number}")[2])
        unknown.append(refused(auth, "nobody", f"192.0.2.{number}")[2])
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.5 < ratio < 2, (known, unknown)


def slowed(auth: Auth, attempts: int, ask: Callable[[int], tuple[str, str]]) -> None:
    """Attempts of a name from a client are refused, then not even looked at. While they go on, some come back."""
    statuses = []
    while 429 not in statuses and len(statuses) < 2 * attempts:
        statuses.append(refused(auth, *ask(len(statuses)))[0])
    assert len(statuses) > attempts
    assert statuses == [401] * (len(statuses) - 1) + [429]


@pytest.mark.parametrize("name", [NAME, "nobody"])
def test_a_name_is_slowed_whoever_asks(auth: Auth, name: str) -> None:
    slowed(auth, 10, lambda number: (name, f"192.0.2.{number}"))
    answer = auth.login(name=name, **{"x-forwarded-for": "192.0.2.99"})
    assert answer.status_code == 429, "the right password is no way round"
    assert 0 < int(answer.headers["retry-after"]) <= 31
    assert auth.login(name="other", **{"x-forwarded-for": "192.0.2.99"}).status_code == 401


def test_a_client_is_slowed_whatever_name_it_tries(auth: Auth) -> None:
    slowed(auth, 20, lambda number: (f"name{number}", "192.0.2.1"))
    assert auth.login(**{"x-forwarded-for": "192.0.2.2"}).status_code == 200


def test_who_signs_in_is_not_slowed(auth: Auth) -> None:
    assert {auth.login().status_code for _ in range(12)} == {200}


def test_a_user_comes_and_goes_with_the_file(auth: Auth) -> None:
    file = auth.users / NAME
    (auth.users / "bob").write_text(file.read_text())
    assert auth.login(name="bob").status_code == 200
    (auth.users / "bob").unlink()
    assert auth.login(name="bob").status_code == 401
    file.write_text("no hash")
    assert auth.login().status_code == 401
    eventually(lambda: "does not hold an argon2 hash" in auth.log(), "a word in the log")


def test_a_bucket_refills() -> None:
    now = [0.0]
    throttle = Throttle(Rate(attempts=2, seconds=10), now=lambda: now[0])
    throttle.take("a")
    assert throttle.wait("a") == 0
    throttle.take("a")
    assert throttle.wait("a") == 10
    assert throttle.wait("b") == 0
    now[0] = 4
    assert throttle.wait("a") == pytest.approx(6)
    now[0] = 1000
    throttle.take("a")
    throttle.take("a")
    assert throttle.wait("a") == 10, "never more than two"
    throttle.give_back("a")
    assert throttle.wait("a") == 0


def test_keys_are_bounded_and_the_oldest_goes() -> None:
    throttle = Throttle(Rate(attempts=1, seconds=10), most=3, now=lambda: 0.0)
    for key in ("a", "b", "c"):
        throttle.take(key)
    throttle.take("a")
    throttle.take("d")
    assert [throttle.wait(key) > 0 for key in ("a", "b", "c", "d")] == [True, False, True, True]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", ""),
    ],
)
def test_who_counts_as_one_client(address: str, network: str) -> None:
    assert network_of(address) == network


def test_nobody_else_says_where_a_client_is(tmp_path: Path) -> None:
    with Auth(tmp_path / "auth", TRUSTED_PROXIES="192.0.2.0/24").running() as auth:
        slowed(auth, 20, lambda number: (f"name{number}", f"203.0.113.{number}"))
