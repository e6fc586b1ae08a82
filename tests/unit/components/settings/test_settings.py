"""A stack's settings: what is right is taken, what is wrong is named with its key, its value and the remedy."""

import copy
import json
import re
from typing import Any

import pytest

from components import settings
from components.settings.errors import SettingsError
from components.settings.values import quantity
from tests.conftest import settings_of
from tools.recording import ProgramError, Recorder, run

GOOD = settings_of("local")


def changed(path: str, value: Any, good: dict[str, Any] = GOOD) -> dict[str, Any]:
    """Good settings with one value changed; `...` removes it."""
    raw = copy.deepcopy(good)
    *parents, last = path.split(".")
    here = raw
    for part in parents:
        here = here.setdefault(part, {})
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return raw


BAD = [
    ("hots", "journal.test", "did you mean 'host'?"),
    ("weight", "blue", "unknown key; allowed here: aws, certificates, cluster"),
    ("frontend.replicaz", 3, "did you mean 'replicas'?"),
    ("host", ..., "missing. The DNS name of the journal, such as journal.example.com."),
    ("host", "Journal_Test", "is no DNS name"),
    ("host", "https://journal.test", "no scheme or port"),
    ("host", "localhost", "is no DNS name"),
    ("host", 7, "valid string"),
    ("environment", "qa", "'local', 'dev', 'staging' or 'prod'"),
    ("journalEntries", -3, "greater than or equal to 1"),
    ("journalEntries", 0, "greater than or equal to 1"),
    ("journalEntries", "many", "valid integer"),
    ("journalEntries", 10_000, "less than or equal to 1000"),
    ("crossOrigins", ["https://a.example/path"], "with no path"),
    ("crossOrigins", "https://a.example", "valid list"),
    ("configHistory", [{"journalEntries": 1}, {"journalEntries": 1}], "v2 is the same as v1"),
    ("frontend", 3, "valid dictionary"),
    ("frontend.image", "localhost/journal/frontend:latest", "is not pinned"),
    ("frontend.image", "localhost/journal/frontend", "names no version"),
    ("frontend.image", "Not An Image", "is no image reference"),
    ("frontend.replicas", 0, "greater than or equal to 2"),
    ("frontend.replicas", 1, "greater than or equal to 2"),
    ("frontend.replicas", "two", "valid integer"),
    ("frontend.resources.memory", "64MB", "is no Kubernetes quantity"),
    ("frontend.resources.cpu", "0", "above 0"),
    (
        "frontend.resources.memoryLimit",
        ...,
        "missing. The memory that the container may use",
    ),
    ("redis.servers", 0, "greater than or equal to 1"),
    ("redis.storage", "-1Gi", "is no Kubernetes quantity"),
    ("redis.storageClass", "Fast SSD", "should match pattern"),
    ("ingress.allowedCidrs", ["10.0.0.1/8"], "has host bits set"),
    ("ingress.allowedCidrs", ["anywhere"], "is no CIDR block"),
    ("ingress.allowedCidrs", [], "at least 1 item"),
    ("certificates.issuer", "verisign", "'letsencrypt', 'letsencrypt-staging' or 'pebble'"),
    ("certificates.email", "ops", "is no mail address"),
    ("cluster.exposure", "HostPort", "'LoadBalancer' or 'NodePort'"),
    ("cluster.context", "", "at least 1 character"),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD, ids=[f"{path}={value!r}" for path, value, _ in BAD])
def test_one_wrong_setting_gives_one_clear_message(path: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(changed(path, value))
    heading, *lines = str(caught.value).splitlines()
    assert heading == "1 mistake in the stack's settings:"
    assert len(lines) == 1
    assert message in lines[0]
    assert re.match(rf"  journal:{re.escape(path)}[.: ]", lines[0])


BAD_OF_SHARED = [
    ("oversight", ..., "missing. What watches the account"),
    ("oversight.email", ..., "missing. The mailbox that gets the alarms"),
    ("oversight.email", "ops", "is no mail address"),
    ("oversight.monthlyBudget", 0, "greater than or equal to 1"),
    ("oversight.monthlyBudget", "much", "valid integer"),
    ("oversight.trailDays", 30, "greater than or equal to 90"),
    ("oversight.guardDuty", "organization", "valid boolean"),
    ("oversight.cloudTrail", True, "unknown key; allowed here: email, guardDuty"),
    ("copyRegions", "eu-west-1", "valid list"),
    ("registry.keepBuilds", 0, "greater than or equal to 1"),
    ("registry.keepImages", 100, "unknown key"),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD_OF_SHARED)
def test_one_wrong_setting_of_stack_shared_gives_one_clear_message(path: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(changed(path, value, settings_of("shared")))
    (line,) = str(caught.value).splitlines()[1:]
    assert message in line
    assert re.match(rf"  journal:{re.escape(path)}[.: ]", line)


def test_an_account_may_have_no_budget() -> None:
    parsed = settings.parse(changed("oversight.monthlyBudget", None, settings_of("shared")))
    assert isinstance(parsed, settings.SharedSettings)
    assert parsed.oversight.monthly_budget is None


def test_a_limit_below_its_request_is_refused() -> None:
    message = r"journal:frontend\.resources: cpuLimit 10m is below the cpu requested, 50m"
    with pytest.raises(SettingsError, match=message):
        settings.parse(changed("frontend.resources.cpuLimit", "10m"))


def test_a_mistake_within_a_value_is_named_by_its_path() -> None:
    with pytest.raises(SettingsError, match=r"journal:frontend\.resources\.memory = '64MB': is no Kubernetes quantity"):
        settings.parse(changed("frontend.resources.memory", "64MB"))


def test_a_message_quotes_the_first_sentence_of_a_description_alone() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(changed("redis.servers", 0))
    assert str(caught.value).splitlines()[1:] == [
        "  journal:redis.servers = 0: input should be greater than or equal to 1. "
        "The number of servers, the primary included."
    ]


@pytest.mark.parametrize(
    ("environment", "issuer", "host", "message"),
    [
        ("prod", "pebble", "journal.example.org", "browsers don't trust it"),
        ("prod", "letsencrypt", "journal.test", "reserved for tests"),
    ],
)
def test_an_issuer_that_cannot_vouch_for_the_host_is_refused(
    environment: str, issuer: str, host: str, message: str
) -> None:
    certificates = {"issuer": issuer, "email": "ops@example.org"}
    with pytest.raises(SettingsError, match=message):
        settings.parse({**GOOD, "environment": environment, "host": host, "certificates": certificates})


def test_all_mistakes_are_reported_at_once() -> None:
    raw = changed("frontend.replicas", 0) | {"hots": "x", "host": "Bad_Host", "journalEntries": "-3"}
    with pytest.raises(SettingsError) as caught:
        settings.parse(raw)
    assert "4 mistakes" in str(caught.value)


def test_nothing_is_registered_when_a_setting_is_wrong() -> None:
    recorder = Recorder()
    with pytest.raises(ProgramError, match="Bad_Host"):
        run(settings.load, recorder, project="journal", stack="test", config={"host": "Bad_Host"})
    assert recorder.registrations == []


def test_what_pulumi_hands_over_as_text_becomes_the_same_settings() -> None:
    as_text = {key: json.dumps(value) if isinstance(value, dict | list) else str(value) for key, value in GOOD.items()}
    loaded: list[settings.Settings | settings.SharedSettings] = []
    run(lambda: loaded.append(settings.load()), Recorder(), project="journal", stack="test", config=as_text)
    assert loaded == [settings.parse(GOOD)]


def test_every_stack_file_is_right(stack: str) -> None:
    parsed = settings.parse(settings_of(stack))
    assert parsed.environment == stack


@pytest.mark.parametrize(
    ("text", "size"), [("250m", "0.250"), ("1", "1"), ("64Mi", "67108864"), ("1.5Gi", "1610612736")]
)
def test_quantities(text: str, size: str) -> None:
    assert str(quantity(text).normalize()) == str(type(quantity(text))(size).normalize())
