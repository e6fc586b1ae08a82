"""Settings that contradict each other, the stack's name, or what stack `shared` says."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components import settings
from components.settings import SettingsError, rules
from tests.conftest import ROOT, config_of, settings_of
from tools.cloud import record
from tools.recording import ProgramError, Recorder, run

PROD, DEV, LOCAL, SHARED = (settings_of(name) for name in ("prod", "dev", "local", "shared"))
CERTIFICATES = PROD["certificates"]
NO_WAY_OUT = ["ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth", "autoscaling"]


def within(raw: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A stack's settings with parts of its sections changed."""
    merged = copy.deepcopy(raw)
    for key, value in changes.items():
        merged[key] = {**merged[key], **value} if isinstance(value, dict) and key in merged else value
    return merged


def network(**changes: Any) -> dict[str, Any]:
    return {"network": {**PROD["aws"]["network"], **changes}}


def access(**changes: Any) -> dict[str, Any]:
    plane = PROD["aws"]["controlPlane"]
    return {"controlPlane": {**plane, "access": {**plane["access"], **changes}}}


def mistake(raw: dict[str, Any], **known: Any) -> str:
    """The one line that says what is wrong."""
    with pytest.raises(SettingsError) as caught:
        settings.parse(raw, **known)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "1 mistake in the stack's settings:"
    assert len(lines) == 1
    return lines[0]


BAD = {
    "two clusters": (within(PROD, cluster={"context": "x"}), "cluster and aws are both named"),
    "a registry": (within(PROD, frontend={"image": "ghcr.io/journal/frontend:v1"}), "names a registry"),
    "a registry with a port": (
        within(PROD, fileserver={"image": "registry:5000/journal/fileserver:v1"}),
        "fileserver.image registry:5000/journal/fileserver:v1 names a registry",
    ),
    "this machine's registry": (within(PROD, frontend={"image": "localhost/frontend:v1"}), "names a registry"),
    "reports from staging": (
        within(PROD, environment="staging", host="journal.staging.kbp-sample.com"),
        "sentryDsn in staging",
    ),
    "no name of dev's": (
        within(PROD, environment="dev", sentryDsn=None, configHistory=[]),
        "its role may not touch that name; name it journal.dev.<domain>",
    ),
    "few clients beside ACME": (
        within(PROD, ingress={"allowedCidrs": ["203.0.113.0/24"]}),
        "ingress.allowedCidrs 203.0.113.0/24 keeps letsencrypt out",
    ),
    "half of the clients": (within(PROD, ingress={"allowedCidrs": ["0.0.0.0/1"]}), "keeps letsencrypt out"),
    "clients by IPv6 alone": (within(PROD, ingress={"allowedCidrs": ["::/0"]}), "keeps letsencrypt out"),
    "few clients beside ACME's test server": (
        within(DEV, ingress={"allowedCidrs": ["10.0.0.0/8"]}),
        "keeps letsencrypt-staging out",
    ),
    "no way out": (within(PROD, aws=network(nat="none", interfaceEndpoints=NO_WAY_OUT)), "name single or perZone"),
    "an apex": (within(PROD, host="kbp-sample.com"), "stays free for others' records"),
    "another's name": (within(PROD, host="journal.dev.kbp-sample.com"), "that name belongs to dev"),
    "another's name in staging": (
        within(DEV, environment="staging", host="journal.dev.kbp-sample.com"),
        "that name belongs to dev; name it journal.staging.<domain>",
    ),
    "another's subdomain": (within(PROD, host="staging.kbp-sample.com"), "that name belongs to staging"),
    "one's own subdomain": (within(DEV, host="dev.kbp-sample.com"), "its role may not touch that name"),
    "no cluster": (
        {key: value for key, value in DEV.items() if key != "aws"},
        "neither aws nor cluster in dev: it would go to whatever cluster kubectl uses now",
    ),
    "local in AWS": (
        within(PROD, environment="local", sentryDsn=None, configHistory=[]),
        "aws in local: that environment is an existing cluster's",
    ),
    "a mailbox for examples": (
        within(PROD, certificates={"email": "ops@example.com"}),
        "letsencrypt takes no address at example.com",
    ),
    "a mailbox for tests": (
        within(PROD, certificates={"email": "ops@journal.test"}),
        "takes no address at journal.test",
    ),
    "a mailbox for tests in capitals": (within(PROD, certificates={"email": "ops@EXAMPLE.ORG"}), "takes no address"),
    "a volume that EBS has not": (within(PROD, redis={"storage": "1Pi"}), "an EBS volume has up to 64Ti"),
    "the deploy role as admin": (
        within(PROD, aws=access(admins=["arn:aws:iam::111122223333:role/journal-shared-deploy-prod"])),
        "aws.controlPlane.access.admins: arn:aws:iam::111122223333:role/journal-shared-deploy-prod has its access",
    ),
    "the deploy role where the shared stack has another name": (
        within(
            PROD,
            aws={
                **access(admins=["arn:aws:iam::111122223333:role/journal-shared-deploy-prod"]),
                "sharedStack": "organization/journal/base",
            },
        ),
        "has its access from the program already",
    ),
    "the preview role as operator": (
        within(PROD, aws=access(operators=["arn:aws:iam::111122223333:role/journal-shared-preview-prod"])),
        "access.operators",
    ),
    "the audit role as viewer": (
        within(PROD, aws=access(viewers=["arn:aws:iam::111122223333:role/journal-shared-audit-prod"])),
        "access.viewers",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_settings_that_contradict_each_other_are_refused(case: str) -> None:
    raw, message = BAD[case]
    assert message in mistake(raw)


GOOD = {
    "an image without a registry": within(PROD, frontend={"image": "journal-frontend:v1.0.0"}),
    "an image by digest": within(PROD, frontend={"image": f"journal/frontend@sha256:{'0' * 64}"}),
    "everybody in halves": within(PROD, ingress={"allowedCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}),
    "everybody by IPv6 too": within(PROD, ingress={"allowedCidrs": ["0.0.0.0/0", "::/0"]}),
    "few clients beside Pebble": within(LOCAL, ingress={"allowedCidrs": ["203.0.113.0/24"]}),
    "the journal at another label": within(PROD, host="www.kbp-sample.com"),
    "a deeper name in dev": within(DEV, host="a.journal.dev.kbp-sample.com"),
    "dev on an existing cluster": {k: v for k, v in within(DEV, cluster={"context": "kind"}).items() if k != "aws"},
    "a volume of another class": within(PROD, redis={"storage": "1Pi", "storageClass": "ebs.gp3"}),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_can_work_is_taken(case: str) -> None:
    settings.parse(GOOD[case])


OF_SHARED = {
    "outside its domain": (
        within(PROD, host="journal.kbp-sample.org"),
        "has the domain kbp-sample.com; name it journal.k",
    ),
    "a domain that ends alike": (within(PROD, host="journal.my-kbp-sample.com"), "has the domain kbp-sample.com"),
    "dev outside its domain": (within(DEV, host="journal.dev.kbp-sample.org"), "name it journal.dev.kbp-sample.com"),
    "the apex": (within(PROD, host="kbp-sample.com"), "a domain itself stays free"),
    "another's name": (within(PROD, host="journal.staging.kbp-sample.com"), "belongs to staging; name it journal.kbp"),
    "dev in staging": (within(DEV, host="dev.staging.kbp-sample.com"), "belongs to staging"),
    "a repository that is not there": (
        within(PROD, frontend={"image": "journal/api:v1"}),
        "frontend.image journal/api:v1: stack shared has no repository journal/api",
    ),
    "an environment as the shared stack": (
        within(PROD, aws={"sharedStack": "organization/journal/dev"}),
        "journal:aws.sharedStack = 'organization/journal/dev': is the stack of an environment",
    ),
    "itself as the shared stack": (
        within(PROD, aws={"sharedStack": "organization/journal/prod"}),
        "is the stack of an environment",
    ),
    "a shared stack that no file can be named after": (
        within(PROD, aws={"sharedStack": "a/b/c\0"}),
        "write ORGANIZATION/PROJECT/STACK",
    ),
    "a shared stack without a project": (within(PROD, aws={"sharedStack": "x" * 300}), "write ORGANIZATION/PROJECT"),
    "dev's label before another's": (
        within(DEV, host="journal.dev.team.kbp-sample.com"),
        "its role may not touch that name; name it journal.dev.kbp-sample.com",
    ),
    "another account": (within(PROD, aws={"account": "999988887777"}), "stack shared is in 111122223333"),
}


@pytest.mark.parametrize("case", OF_SHARED)
def test_what_the_file_of_shared_contradicts_is_refused(case: str) -> None:
    raw, message = OF_SHARED[case]
    assert message in mistake(raw, folder=ROOT)


def shared_file(folder: Path, text: str) -> None:
    (folder / "Pulumi.shared.yaml").write_text(text)


def test_a_domain_may_have_a_label_like_an_environments(tmp_path: Path) -> None:
    text = (ROOT / "Pulumi.shared.yaml").read_text()
    shared_file(tmp_path, text.replace("journal:domain: kbp-sample.com", "journal:domain: dev.acme.com"))
    settings.parse(within(PROD, host="journal.dev.acme.com", statusHost="status.dev.acme.com"), folder=tmp_path)
    assert "name it journal.dev.dev.acme.com" in mistake(within(DEV, host="journal.dev.acme.com"), folder=tmp_path)


def test_the_shared_stack_of_another_project_is_not_in_this_ones_files() -> None:
    other = {"sharedStack": "organization/platform/shared", "account": "999988887777"}
    settings.parse(within(PROD, host="journal.acme.org", aws=other), folder=ROOT)


def test_a_domain_of_three_labels_is_taken_where_no_file_says_it() -> None:
    settings.parse(within(DEV, host="journal.dev.acme.co.uk"))


def test_an_environment_without_a_deploy_role_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "Pulumi.shared.yaml").read_text()
    shared_file(
        tmp_path, text.replace("repository: kbp-sample/journal-stack", "repository: a/b\n    environments: [dev]")
    )
    assert "prod has no deploy role" in mistake(PROD, folder=tmp_path)


def test_copies_go_where_shared_lets_them(tmp_path: Path) -> None:
    text = (ROOT / "Pulumi.shared.yaml").read_text()
    shared_file(tmp_path, text.replace("copyRegions: [eu-west-1]", "copyRegions: [eu-north-1]"))
    assert "add it to journal:copyRegions of shared" in mistake(PROD, folder=tmp_path)


def test_without_the_file_of_shared_a_host_may_be_anywhere(tmp_path: Path) -> None:
    settings.parse(within(PROD, host="journal.kbp-sample.org"), folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("config: [", "is no YAML"), ("a: 1", "has no `config:`"), ("config: {'journal:environment': shared}", "missing")],
)
def test_a_file_of_shared_that_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    shared_file(tmp_path, text)
    with pytest.raises(SettingsError, match=rf"(?s)Pulumi\.shared\.yaml.*{message}"):
        settings.parse(PROD, folder=tmp_path)


@pytest.mark.parametrize(
    ("raw", "stack", "message"),
    [
        (PROD, "dev", "journal:environment = 'prod': is not what the stack dev is; write dev"),
        (LOCAL, "prod", "is not what the stack prod is"),
        (SHARED, "dev", "is not what the stack dev is"),
        ({**SHARED, "environment": "shard"}, "shared", "= 'shard': is not what the stack shared is; write shared"),
        ({**DEV, "environment": "shared"}, "dev", "or put this into Pulumi.shared.yaml"),
        (DEV, "qa", "environment dev in stack qa: in AWS everything is named after the environment"),
    ],
)
def test_a_stack_is_the_environment_that_it_is_named_after(raw: dict[str, Any], stack: str, message: str) -> None:
    assert message in mistake(raw, stack=stack)
    prefixed = {f"journal:{key}": value for key, value in raw.items()}
    recorder = Recorder()
    with pytest.raises(ProgramError, match="environment"):
        run(ROOT, recorder, project="journal", stack=stack, config=prefixed)
    assert recorder.registrations == []


def test_a_stack_on_an_existing_cluster_may_have_any_name() -> None:
    settings.parse(LOCAL, stack="mine")


def test_a_domain_that_no_registrar_delegates_is_refused() -> None:
    assert "is reserved for tests" in mistake({**SHARED, "domain": "journal.test"})


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("registry", {"repositories": ["journal/a", "journal/a"]}, "journal/a is named twice"),
        ("registry", {"repositories": ["Journal"]}, "is no name of a repository"),
        ("registry", {"repositories": ["a"]}, "is no name of a repository"),
        ("github", {"environments": ["dev", "dev"]}, "dev is named twice"),
        ("github", {"repository": "journal"}, "as OWNER/NAME"),
        ("pulumiState", {"bucket": "Bucket"}, "is no name of a bucket"),
        ("pulumiState", {"bucket": "10.0.0.1"}, "is no name of a bucket"),
        ("pulumiState", {"bucket": "a..b"}, "is no name of a bucket"),
        ("pulumiState", {"keyAlias": "journal"}, "such as alias/journal-pulumi"),
    ],
)
def test_what_shared_cannot_have_is_refused(section: str, value: dict[str, Any], message: str) -> None:
    assert message in mistake(within(SHARED, **{section: value}))


def test_the_tools_compare_a_host_with_the_file_of_shared() -> None:
    config = {**config_of("prod"), "journal:host": "journal.kbp-sample.org"}
    with pytest.raises(SettingsError, match=r"has the domain kbp-sample\.com"):
        record("prod", config)


def test_the_roles_are_those_that_the_program_gives_access(recorded: Callable[[str], Recorder]) -> None:
    entries = {r["principalArn"] for r in recorded("prod").of_type("aws:eks/accessEntry:AccessEntry")}
    parsed = settings.parse(PROD)
    assert isinstance(parsed, settings.Settings)
    assert parsed.aws is not None
    assert {*rules.pulumis_roles("prod", parsed.aws)} < entries
