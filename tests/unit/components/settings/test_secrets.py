"""A DSN that Pulumi's configuration keeps encrypted: it is used, and shown nowhere."""

import json
from typing import Any

import pytest

from components import settings
from components.journal.frontend import config_versions
from components.settings import SettingsError
from components.settings.values import SEALED_DSN
from tests.conftest import ROOT, config_of, settings_of
from tools import cloud, render
from tools.recording import ProgramError, Recorder, run

DSN = "https://5ec1e75ec1e75ec1e75ec1e75ec1e75e@sentry.example.org:9443/1"
SEALED = {"secure": "v1:AAABAAABAAAB"}
PROD = config_of("prod")
HISTORY = [{"journalEntries": 10, "sentryDsn": DSN}, {"journalEntries": 20, "sentryDsn": DSN}]


def recorded(secret_keys: list[str], **changes: Any) -> Recorder:
    """Prod's program as the engine runs it, with secrets decrypted and their keys named."""
    config = {**PROD, **{f"journal:{key}": value for key, value in changes.items()}}
    shared = {"organization/journal/shared": cloud.shared_outputs("shared")}
    recorder = Recorder(cloud.Cloud(stacks=shared))
    return run(ROOT, recorder, project="journal", stack="prod", config=config, secret_keys=secret_keys)


def configs(recorder: Recorder) -> dict[str, Any]:
    return {r.name: r for r in recorder.of_type("ConfigMap") if r.name.startswith("frontend-config")}


def shown(recorder: Recorder) -> str:
    """All that a preview or a rendering shows."""
    return json.dumps([render.entry(r) for r in recorder.registrations])


def test_a_secret_dsn_reaches_the_api_and_stays_secret() -> None:
    made = recorded(["sentryDsn"], sentryDsn=DSN)
    (newest,) = [r for r in configs(made).values() if r["data"].get("SENTRY_DSN") == DSN]
    assert ("data", "SENTRY_DSN") in newest.secrets
    assert DSN not in shown(made)
    assert DSN[8:40] not in shown(made)
    rule = made.one("NetworkPolicy", "frontend")["spec"]["egress"][-1]
    assert rule["ports"] == [{"port": 9443, "protocol": "TCP"}]


def test_secrets_of_the_history_stay_secret_and_its_other_values_plain() -> None:
    made = recorded(["configHistory"], sentryDsn=DSN, journalEntries=20, crossOrigins=[], configHistory=HISTORY)
    assert [sorted(r.secrets) for r in configs(made).values()] == [[("data", "SENTRY_DSN")]] * 2
    assert [r["data"]["JOURNAL_ENTRIES"] for r in configs(made).values()] == ["10", "20"]


def test_a_plain_dsn_is_shown() -> None:
    made = recorded([], sentryDsn=DSN)
    assert DSN in shown(made)


def test_the_tools_render_a_dsn_that_they_cannot_decrypt() -> None:
    config = {
        **PROD,
        "journal:sentryDsn": SEALED,
        "journal:crossOrigins": [],
        "journal:configHistory": [{"sentryDsn": SEALED}],
    }
    made = cloud.record("prod", config, fail_on_warnings=True)
    (only,) = configs(made).values()
    assert ("data", "SENTRY_DSN") in only.secrets
    assert SEALED_DSN not in shown(made)


def test_versions_with_dsns_that_cannot_be_told_apart_are_taken() -> None:
    raw = {
        **settings_of("prod"),
        "crossOrigins": [],
        "sentryDsn": SEALED,
        "configHistory": [{"sentryDsn": SEALED}, {"sentryDsn": SEALED}],
    }
    parsed = settings.parse(raw)
    assert isinstance(parsed, settings.Settings)
    assert config_versions(parsed.config_history, parsed.frontend_config).active == 1


@pytest.mark.parametrize("wrong", ["https://5ec1e7@sentry.example.org/1", "{5ec1e7}", "[5ec1e7"])
def test_no_message_shows_a_secret(wrong: str) -> None:
    with pytest.raises(ProgramError, match=r"journal:sentryDsn = \[secret\]: is no Sentry DSN") as caught:
        recorded(["sentryDsn"], sentryDsn=wrong)
    assert "5ec1e7" not in str(caught.value)


def test_no_message_shows_a_secret_of_the_history() -> None:
    with pytest.raises(ProgramError, match="1 mistake") as caught:
        recorded(["configHistory"], configHistory=[{"sentryDsn": "5ec1e7"}])
    assert "5ec1e7" not in str(caught.value)


@pytest.mark.parametrize("key", ["host", "aws", "crossOrigins"])
def test_what_would_not_stay_secret_may_be_none(key: str) -> None:
    with pytest.raises(ProgramError, match=f"journal:{key}: is encrypted, and only sentryDsn may be"):
        recorded([key])


@pytest.mark.parametrize(
    "dsn",
    [
        "https://sentry.example.org/1",
        "http://0123456789abcdef0123456789abcdef@sentry.example.org/1",
        "https://0123456789abcdef0123456789abcdef@sentry.example.org",
        "https://0123456789abcdef0123456789abcdef@sentry.example.org:99999/1",
        "https://0123456789abcdef0123456789abcdef@sentry.example.org:0/1",
        "https://0123456789abcdef0123456789abcdef@sentry.example.org:/1",
        "https://0123456789abcdef0123456789abcdef@sentry.example.org:\uff14\uff14\uff13/1",
        "https://0123456789abcdef0123456789abcdef@sentry..org/1",
        "https://0123456789abcdef0123456789abcdef@10.0.0.1/1",
        "https://0123456789abcdef0123456789abcdef@localhost/1",
        "https://0123456789abcdef0123456789abcdef:5ec1e7@sentry.example.org/1",
        {"secure": "v1:AAAB", "more": 1},
        7,
    ],
)
def test_a_dsn_that_no_report_can_go_to_is_refused(dsn: Any) -> None:
    with pytest.raises(SettingsError, match="journal:sentryDsn"):
        settings.parse({**settings_of("prod"), "sentryDsn": dsn})


def test_a_list_of_the_settings_does_not_show_a_secret() -> None:
    parsed = settings.parse({**settings_of("prod"), "sentryDsn": SEALED})
    assert parsed.model_dump(mode="json", by_alias=True)["sentryDsn"] == "[secret]"
