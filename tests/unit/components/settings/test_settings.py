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
    ("host", "10.0.0.1", "no address"),
    ("host", "journal.1", "no address"),
    ("host", "::1", "no address"),
    ("host", "journal.test.", "is no DNS name"),
    ("host", "a\nb.test", r"= 'a\nb.test': is no DNS name"),
    ("host", "*.journal.test", "is no DNS name"),
    ("host", "journal..test", "is no DNS name"),
    ("host", "journal.test:443", "no scheme or port"),
    ("host", "journal.test\n", "is no DNS name"),
    ("host", "a." * 127 + "test", "is no DNS name"),
    ("host", {"secure": "AAAB"}, "only sentryDsn may be"),
    ("environment", "qa", "'local', 'dev', 'staging' or 'prod'"),
    ("journalEntries", -3, "greater than or equal to 1"),
    ("journalEntries", 0, "greater than or equal to 1"),
    ("journalEntries", "many", "valid integer"),
    ("journalMaxEntries", 0, "greater than or equal to 1"),
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
    ("frontend.resources.cpu", "250Mi", "Mi is no unit of CPU"),
    ("frontend.resources.cpu", "1k", "k is no unit of CPU"),
    ("frontend.resources.cpu", "100u", "u is no unit of CPU"),
    ("frontend.resources.cpu", "0.5m", "whole thousandths"),
    ("frontend.resources.cpu", "250M", "M is no unit of CPU"),
    ("frontend.resources.cpuLimit", "\uff12", "is no Kubernetes quantity"),
    ("frontend.resources.cpu", "1e-4", "whole thousandths"),
    ("frontend.resources.cpu", "1e999", "is no Kubernetes quantity"),
    ("frontend.resources.cpu", True, "no valid string"),
    ("frontend.resources.memory", "128m", "m is a fraction of a byte; memory is in bytes"),
    ("frontend.resources.cpuLimit", 10**30, "more than Kubernetes counts up to"),
    ("frontend.resources.memoryLimit", "8Ei", "more than Kubernetes counts up to"),
    ("frontend.resources.memory", "64", "too little memory"),
    ("frontend.resources.memory", 64, "too little memory"),
    ("frontend.resources.memory", "1Ki", "too little memory"),
    ("frontend.resources.memory", "64mi", "is no Kubernetes quantity"),
    ("frontend.resources.memory", "64 Mi", "is no Kubernetes quantity"),
    ("frontend.resources.memory", ".", "is no Kubernetes quantity"),
    ("frontend.resources.memoryLimit", "256u", "u is a fraction of a byte"),
    ("redis.storage", "50m", "m is a fraction of a byte; storage is in bytes"),
    ("redis.storage", "1", "too little storage"),
    ("redis.storage", "5Mi", "too little storage"),
    ("redis.storage", "5GB", "is no Kubernetes quantity"),
    (
        "frontend.resources.memoryLimit",
        ...,
        "missing. The memory that the container may use",
    ),
    ("redis.servers", True, "is a boolean to YAML; write a number"),
    ("redis.servers", 0, "greater than or equal to 1"),
    ("redis.servers", 2, "when one of two is away, the other can't know which of them is; name 3, or 1"),
    ("redis.backup.schedule", "hourly", "is no schedule of a CronJob"),
    ("redis.backup.schedule", "60 * * * *", "is no schedule of a CronJob"),
    ("redis.backup.schedule", "0 3 * * ? *", "is no schedule of a CronJob"),
    ("redis.backup.schedule", "0 5-3 * * *", "is no schedule of a CronJob"),
    ("redis.backup.keep", 0, "greater than or equal to 1"),
    ("redis.backup.keepDays", 0, "greater than or equal to 1"),
    ("redis.backup.storage", "5Mi", "too little storage"),
    ("redis.backup.bucket", "mine", "unknown key; allowed here: keep, keepDays, schedule, storage"),
    ("redis.durability", "sure", "'fast' or 'safe'"),
    ("redis.storage", "-1Gi", "is no Kubernetes quantity"),
    ("redis.storageClass", "Fast SSD", "is no name in Kubernetes"),
    ("redis.storageClass", "ebs..gp3", "is no name in Kubernetes"),
    ("redis.storageClass", "a" * 64, "is no name in Kubernetes"),
    ("ingress.allowedCidrs", ["0.0.0.0/0", "0.0.0.0/0"], "0.0.0.0/0 is named twice"),
    ("ingress.allowedCidrs", [], "at least 1 item"),
    ("certificates.issuer", "verisign", "'letsencrypt', 'letsencrypt-staging' or 'pebble'"),
    ("certificates.email", "ops", "is no mail address"),
    ("certificates.email", "ops@localhost", "is no mail address"),
    ("certificates.email", "ops@10.0.0.1", "is no mail address"),
    ("certificates.email", "ops@-.test", "is no mail address"),
    ("certificates.email", "ops@journal..test", "is no mail address"),
    ("certificates.email", "a@b.test,c@d.test", "is no mail address"),
    ("certificates.email", "ops?cc=x@journal.test", "is no mail address"),
    ("certificates.email", "Ops <ops@journal.test>", "is no mail address"),
    ("certificates.email", "mailto:ops@journal.test", "is no mail address"),
    ("certificates.email", ".ops@journal.test", "is no mail address"),
    ("certificates.email", "öps@journal.test", "is no mail address"),
    ("certificates.email", "o" * 65 + "@journal.test", "is no mail address"),
    ("certificates.chart", "", "at least 1 character"),
    ("frontend.image", "registry:port/frontend:v1", "is no image reference"),
    ("frontend.image", "journal/frontend:v\uff11", "is no image reference"),
    ("frontend.image", "localhost:99999/frontend:v1", "is no image reference"),
    ("frontend.image", "localhost:0/frontend:v1", "is no image reference"),
    ("frontend.image", "journal//frontend:v1", "is no image reference"),
    ("frontend.image", "http://journal/frontend:v1", "is no image reference"),
    ("crossOrigins", ["https://a.example", "https://a.example"], "https://a.example is named twice"),
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
    ("oversight.email", "ops@example.com", "no mail comes to example.com; name a mailbox that exists"),
    ("oversight.email", "ops@journal.test", "no mail comes to journal.test"),
    ("copyRegions", ["eu-central-1"], "eu-central-1 is the stack's own region"),
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


CIDRS = [
    ("10.0.0.1", "has no length; write 10.0.0.1/32"),
    ("2001:db8::1", "has no length; write 2001:db8::1/128"),
    ("10.0.0.1/8", "has host bits set; write 10.0.0.0/8"),
    ("2001:db8::1/32", "has host bits set; write 2001:db8::/32"),
    ("10.0.0.0/255.0.0.0", "is spelt in another way than AWS does; write 10.0.0.0/8"),
    ("10.0.0.0/08", "write 10.0.0.0/8"),
    ("2001:DB8::/32", "write 2001:db8::/32"),
    ("10.0.0.0/33", "is no CIDR block"),
    ("10.0.0/8", "is no CIDR block"),
    ("anywhere", "is no CIDR block"),
    ("\uff110.0.0.0/8", "is no CIDR block"),
    ("10.0.0.0/\uff18", "is no CIDR block"),
    (" 10.0.0.0/8", "is no CIDR block"),
    ("", "is no CIDR block"),
]


@pytest.mark.parametrize(("cidr", "message"), CIDRS, ids=[cidr for cidr, _ in CIDRS])
def test_a_block_is_written_as_aws_writes_it(cidr: str, message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        settings.parse(changed("ingress.allowedCidrs", [cidr]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("frontend.resources.cpuLimit", "1e3"),
        ("frontend.resources.cpuLimit", 2),
        ("frontend.resources.cpuLimit", 1.5),
        ("frontend.resources.memoryLimit", ".1Gi"),
        ("frontend.resources.memoryLimit", "1Pi"),
        ("frontend.resources.memoryLimit", 134217728),
        ("frontend.resources.memory", "1.e7"),
        ("redis.storage", "1Pi"),
        ("redis.storage", ".5Gi"),
        ("redis.storage", "1e9"),
        ("redis.storageClass", "ebs.gp3"),
        ("frontend.image", "journal-frontend:v1.0.0"),
        ("frontend.image", "registry:5000/journal/frontend:v1"),
        ("frontend.image", "localhost:5000/frontend__a:v1"),
        ("certificates.email", "ops+acme@Journal.test"),
        ("crossOrigins", ["http://localhost:5173", "https://app.example.com:8443"]),
    ],
)
def test_what_can_work_is_taken(path: str, value: Any) -> None:
    settings.parse(changed(path, value))


def test_plain_numbers_are_quantities_as_in_kubernetes() -> None:
    parsed = settings.parse(changed("frontend.resources.cpuLimit", 1.5))
    assert isinstance(parsed, settings.Settings)
    assert parsed.frontend.resources.cpu_limit == "1.5"


def test_a_limit_below_its_request_is_refused() -> None:
    message = r"journal:frontend\.resources: cpuLimit 10m is below the cpu requested, 50m"
    with pytest.raises(SettingsError, match=message):
        settings.parse(changed("frontend.resources.cpuLimit", "10m"))


@pytest.mark.parametrize(
    ("redis", "message"),
    [
        (
            {"servers": 1, "durability": "safe"},
            "durability safe with servers 1: there is no other server; name 3 servers",
        ),
        ({"storage": "300Mi"}, "storage 300Mi is below twice the memoryLimit 256Mi, .*; raise it to 512Mi"),
    ],
)
def test_a_redis_that_cannot_hold_what_it_promises_is_refused(redis: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.parse({**GOOD, "redis": {**GOOD["redis"], **redis}})


def test_a_redis_without_memory_for_data_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"redis\.resources.*memoryLimit 48Mi leaves no memory for data; raise it to 64Mi"
    ):
        settings.parse(changed("redis.resources.memoryLimit", "48Mi"))


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
    ("text", "size"),
    [
        ("250m", "0.250"),
        ("1", "1"),
        ("64Mi", "67108864"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1e-3", "0.001"),
        ("2E", "2e18"),
        (".1Gi", "107374182.4"),
        ("1.", "1"),
        ("1Pi", "1125899906842624"),
        ("100u", "0.0001"),
    ],
)
def test_quantities(text: str, size: str) -> None:
    assert str(quantity(text).normalize()) == str(type(quantity(text))(size).normalize())
