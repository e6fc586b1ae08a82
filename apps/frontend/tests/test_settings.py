"""Mistakes in the environment are all named at once, before anything starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from journal_api.settings import SettingsError, load_settings

ORIGINS = json.loads((Path(__file__).parent / "origins.json").read_text())
"""Examples that the stacks' settings share, so that a stack that deploys has an API that starts."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """One that is right, and holds nothing else."""
    for name in os.environ:
        monkeypatch.delenv(name)
    (tmp_path / "password").write_text("sesame\n")
    monkeypatch.setenv("REDIS_PASSWORD_FILE", str(tmp_path / "password"))
    return monkeypatch


def mistakes() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value.mistakes


def test_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert (settings.journal_entries, settings.redis_read_host, settings.redis_write_host, settings.redis_port) == (
        10,
        "redis",
        "redis-write",
        6379,
    )
    assert (settings.http_port, settings.management_port, settings.web.cross_origin) == (8080, 8081, ())


def test_lists_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_SENTINELS", "redis-0.redis:26379, redis-1.redis:26380")
    environment.setenv("TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    settings = load_settings()
    assert settings.redis_sentinels == (("redis-0.redis", 26379), ("redis-1.redis", 26380))
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]


def test_origins_come_in_the_order_of_their_index(environment: pytest.MonkeyPatch) -> None:
    for index in (10, 2, 0):
        environment.setenv(f"WEB__CROSS_ORIGIN__{index}", f"https://host{index}.example")
    assert load_settings().web.cross_origin == (
        "https://host0.example",
        "https://host2.example",
        "https://host10.example",
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("JOURNAL_ENTRIES", "ten", "valid integer"),
        ("JOURNAL_ENTRIES", "0", "greater than or equal to 1"),
        ("JOURNAL_ENTRIES", "-1", "greater than or equal to 1"),
        ("JOURNAL_ENTRIES", "1001", "less than or equal to 1000"),
        ("JOURNAL_ENTRIES", "", "valid integer"),
        ("ENVIRONMENT", "production", "'local', 'dev', 'staging' or 'prod'"),
        ("REDIS_READ_HOST", "redis:6379", "no port"),
        ("REDIS_WRITE_HOST", "", "host name"),
        ("REDIS_PORT", "70000", "less than or equal to 65535"),
        ("REDIS_PORT", "tcp://10.96.3.4:6379", "enableServiceLinks"),
        ("REDIS_PASSWORD_FILE", "/nowhere", "mount the Secret"),
        ("DRAIN_SECONDS", "-1", "greater than or equal to 0"),
        ("DRAIN_SECONDS", "nan", "finite"),
        ("WEB__CROSS_ORIGIN__0", "*", "not an origin"),
        ("WEB__CROSS_ORIGIN__0", "https://host.example/", "not an origin"),
        ("WEB__CROSS_ORIGIN__FIRST", "https://host.example", "indices must be numbers"),
        ("WEB__CROSS_ORIGINS__0", "https://host.example", "Extra inputs"),
        ("LOG_LEVEL", "loud", "'debug'"),
        ("JOURNAL_MAX_ENTRIES", "-1", "greater than or equal to 0"),
        ("REDIS_SENTINELS", "redis-0", "not host:port"),
        ("REDIS_SENTINELS", "redis-0:26379,:1", "':1' is not host:port"),
        ("REDIS_SENTINEL_PRIMARY", "", "at least 1"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "not a valid IPv4 or IPv6 network"),
        ("SENTRY_DSN", "", "or not be set"),
        ("SENTRY_DSN", "https://sentry.example/1", "https://KEY@HOST/PROJECT"),
    ],
)
def test_a_mistake_names_variable_and_remedy(environment: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    environment.setenv(name, value)
    (mistake,) = mistakes()
    assert mistake.startswith(name.partition("__0")[0].partition("__FIRST")[0])
    assert says in mistake


@pytest.mark.parametrize("origin", ORIGINS["accepted"])
def test_an_origin_as_a_browser_sends_it(environment: pytest.MonkeyPatch, origin: str) -> None:
    environment.setenv("WEB__CROSS_ORIGIN__0", origin)
    assert load_settings().web.cross_origin == (origin,)


@pytest.mark.parametrize("origin", ORIGINS["refused"])
def test_what_no_browser_sends_as_origin(environment: pytest.MonkeyPatch, origin: str) -> None:
    environment.setenv("WEB__CROSS_ORIGIN__0", origin)
    assert "not an origin" in mistakes()[0]


def test_an_empty_password_file_is_a_mistake(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    assert "is empty" in mistakes()[0]


def test_the_process_names_every_mistake_and_ends_with_2(tmp_path: Path) -> None:
    environment = {"JOURNAL_ENTRIES": "0", "REDIS_PORT": "x", "PYTHONPATH": str(Path(__file__).parent.parent)}
    ended = subprocess.run(
        [sys.executable, "-m", "journal_api"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert [line.split("=")[0].strip() for line in ended.stderr.splitlines()] == [
        "journal-api: 3 wrong in the environment:",
        "JOURNAL_ENTRIES",
        "REDIS_PORT",
        "REDIS_PASSWORD_FILE",
    ]
