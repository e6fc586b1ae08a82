"""The linters of manifests: what is skipped, and how strict the schemas are."""

from pathlib import Path

import pytest

from components import versions
from tools.failures import Failure
from tools.lint import schemas
from tools.lint.linters import Finding
from tools.lint.manifests import Skip, judge, read_skips

REASON = "Somebody weighed it and said why."
OBJECT = {"type": "object", "properties": {"name": {"type": "string"}}}


def finding(check: str = "CKV_1", resource: str = "Deployment web/web", stack: str = "dev") -> Finding:
    return Finding("checkov", check, resource, stack, "is wrong")


def skip(check: str = "CKV_1", *resources: str) -> Skip:
    return Skip(tool="checkov", check=check, resources=list(resources), reason=REASON)


def test_what_is_not_skipped_is_left() -> None:
    judged = judge([finding(), finding("CKV_2")], [skip("CKV_1", "Deployment web/*")])
    assert judged.left == [finding("CKV_2")]
    assert judged.unused == []
    assert [found for found, _ in judged.skipped] == [finding()]


@pytest.mark.parametrize("other", [skip("CKV_2", "*"), skip("CKV_1", "Deployment web/other"), skip("CKV_1", "web/web")])
def test_a_skip_is_of_one_check_and_of_named_objects(other: Skip) -> None:
    judged = judge([finding()], [other])
    assert judged.left == [finding()]
    assert judged.unused == [(other, other.resources[0])]


def test_a_pattern_that_matches_nothing_is_told_though_its_skip_is_used() -> None:
    both = skip("CKV_1", "Deployment web/web", "Deployment web/gone")
    assert judge([finding()], [both]).unused == [(both, "Deployment web/gone")]


@pytest.mark.parametrize(
    "text",
    [
        "- {tool: checkov, check: CKV_1, resources: ['*']}",
        "- {tool: checkov, check: CKV_1, resources: ['*'], reason: because}",
        "- {tool: checkov, check: CKV_1, resources: [], reason: Somebody weighed it and said why.}",
        "- {tool: nobody, check: CKV_1, resources: ['*'], reason: Somebody weighed it and said why.}",
        "7",
    ],
)
def test_a_skip_without_a_reason_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "skips.yaml"
    path.write_text(text)
    with pytest.raises(Failure, match="no list of skips"):
        read_skips(path)


def test_a_strict_schema_names_its_fields_all_the_way_down() -> None:
    schema = {"type": "object", "properties": {"spec": OBJECT, "items": {"type": "array", "items": OBJECT}}}
    assert schemas.strict(schema) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "spec": {**OBJECT, "additionalProperties": False},
            "items": {"type": "array", "items": {**OBJECT, "additionalProperties": False}},
        },
    }


@pytest.mark.parametrize(
    "free",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {**OBJECT, "x-kubernetes-preserve-unknown-fields": True},
    ],
)
def test_a_strict_schema_leaves_open_what_is_open(free: dict) -> None:
    assert schemas.strict(free) == free


def test_a_field_may_be_called_like_a_keyword() -> None:
    schema = {"properties": {"properties": {"type": "object", "properties": {"default": {"type": "string"}}}}}
    inner = {"type": "object", "properties": {"default": {"type": "string"}}, "additionalProperties": False}
    assert schemas.strict(schema) == {"properties": {"properties": inner}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("api_version", "kind", "name"),
    [
        ("v1", "Service", "service-v1.json"),
        ("apps/v1", "Deployment", "deployment-apps-v1.json"),
        ("networking.k8s.io/v1", "Ingress", "ingress-networking-v1.json"),
        ("cert-manager.io/v1", "Certificate", "certificate-cert-manager-v1.json"),
    ],
)
def test_files_are_named_as_kubeconform_asks_for_them(api_version: str, kind: str, name: str) -> None:
    assert schemas.file_name(api_version, kind) == name


def test_every_version_that_a_stack_may_run_has_schemas() -> None:
    assert {*schemas.RELEASES, schemas.local_minor()} >= set(versions.ADD_ONS)
    assert schemas.local_minor() not in schemas.RELEASES, "one place for a version"
