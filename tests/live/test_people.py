"""Viewers, operators and administrators, each with a kubeconfig of their own: what they can do, and what they can't."""

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from local.access import Access
from local.people import Role, access_as
from tools.failures import Failure

pytestmark = pytest.mark.live
IN_JOURNAL = ("-n", "journal")
READ = [
    "list pods journal",
    "list pods traefik",
    "list pods cert-manager",
    "get pods/log journal",
    "list configmaps journal",
    "watch events journal",
    "get deployments.apps traefik",
    "list certificates.cert-manager.io journal",
    "list rolebindings.rbac.authorization.k8s.io journal",
    "list nodes",
    "list namespaces",
    "get clusterroles.rbac.authorization.k8s.io",
]
OPERATE = [
    "delete pods journal",
    "create pods/eviction journal",
    "create pods/portforward journal",
    "patch deployments.apps journal",
    "patch deployments.apps/scale journal",
]
NEVER = [
    "get secrets journal",
    "list secrets traefik",
    "list secrets",
    "get pods/exec journal",
    "create pods/exec journal",
    "create pods/attach journal",
    "patch pods/ephemeralcontainers journal",
    "create pods journal",
    "patch pods journal",
    "create jobs.batch journal",
    "patch statefulsets.apps journal",
    "patch configmaps journal",
    "delete deployments.apps journal",
    "delete pods traefik",
    "create pods/portforward pebble",
    "list pods kube-system",
    "list pods",
    "get nodes/proxy",
    "create serviceaccounts/token journal",
    "impersonate groups",
    "create rolebindings.rbac.authorization.k8s.io journal",
    "escalate clusterroles.rbac.authorization.k8s.io",
    "update certificatesigningrequests.certificates.k8s.io/approval",
    "delete validatingadmissionpolicies.admissionregistration.k8s.io",
]


@pytest.fixture(scope="module")
def viewer(here: Access) -> Access:
    return access_as(here, Role.VIEWER)


@pytest.fixture(scope="module")
def operator(here: Access) -> Access:
    return access_as(here, Role.OPERATOR)


def review(right: str) -> dict[str, object]:
    """Whether I may do this: `verb resource[.group][/subresource] [namespace]`."""
    verb, what, *namespace = right.split()
    kind, _, subresource = what.partition("/")
    resource, _, group = kind.partition(".")
    named = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    attributes = {**named, "namespace": namespace[0] if namespace else ""}
    kinds = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return {**kinds, "spec": {"resourceAttributes": attributes}}


def allowed(person: Access, rights: list[str]) -> list[str]:
    """Those of the rights that the API server says a person has."""
    wanted = {"apiVersion": "v1", "kind": "List", "items": [review(right) for right in rights]}
    answers = person.feed(wanted, "create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}').decode().split()
    return [right for right, answer in zip(rights, answers, strict=True) if answer == "true"]


def is_refused(person: Access, *arguments: str) -> None:
    with pytest.raises(Failure, match="orbidden"):
        person.run(*arguments)


def test_what_each_may_do(here: Access, viewer: Access, operator: Access) -> None:
    everything = [*READ, *OPERATE, *NEVER]
    assert allowed(viewer, everything) == READ
    assert allowed(operator, everything) == [*READ, *OPERATE]
    assert allowed(access_as(here, Role.ADMIN), everything) == everything


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_the_certificate_is_a_persons_of_one_group(role: str, request: pytest.FixtureRequest) -> None:
    user = request.getfixturevalue(role).json("auth", "whoami")["status"]["userInfo"]
    assert user["username"] == role
    assert sorted(user["groups"]) == [f"stack-{role}s", "system:authenticated"]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_both_read_pods_and_logs_but_no_secret_and_nothing_in_a_pod(role: str, request: pytest.FixtureRequest) -> None:
    person = request.getfixturevalue(role)
    assert person.json(*IN_JOURNAL, "get", "pods")["items"]
    assert person.run(*IN_JOURNAL, "logs", "deployment/frontend", "--tail=1")
    is_refused(person, *IN_JOURNAL, "get", "secrets")
    is_refused(person, *IN_JOURNAL, "exec", "deployment/frontend", "--", "id")
    is_refused(person, *IN_JOURNAL, "create", "token", "frontend")
    is_refused(person, *IN_JOURNAL, "create", "rolebinding", "more", "--clusterrole=admin", f"--user={role}")
    is_refused(person, "get", "pods", "-A")


def test_a_viewer_changes_nothing(viewer: Access) -> None:
    (pod, *_) = viewer.json(*IN_JOURNAL, "get", "pods")["items"]
    is_refused(viewer, *IN_JOURNAL, "delete", "pod", pod["metadata"]["name"])
    is_refused(viewer, *IN_JOURNAL, "rollout", "restart", "deployment/frontend")
    is_refused(viewer, *IN_JOURNAL, "scale", "deployment/frontend", "--replicas=0")


def test_an_operator_restarts_and_scales_a_tier(operator: Access) -> None:
    assert operator.run(*IN_JOURNAL, "scale", "deployment/fileserver", "--replicas=2")
    operator.run(*IN_JOURNAL, "rollout", "restart", "deployment/frontend")
    operator.run(*IN_JOURNAL, "rollout", "status", "deployment/frontend", "--timeout=50s")


def test_an_operator_deletes_pods_of_the_journal_alone(operator: Access) -> None:
    (pod, *_) = operator.json(*IN_JOURNAL, "get", "pods", "-l", "app.kubernetes.io/name=fileserver")["items"]
    (other, *_) = operator.json("-n", "traefik", "get", "pods")["items"]
    assert operator.run(*IN_JOURNAL, "delete", "pod", pod["metadata"]["name"], "--dry-run=server")
    is_refused(operator, "-n", "traefik", "delete", "pod", other["metadata"]["name"])


@pytest.mark.parametrize(
    "change",
    [
        ("set", "image", "deployment/frontend", "frontend=localhost/journal/frontend:other"),
        ("set", "env", "deployment/frontend", "LEVEL=debug"),
        ("set", "serviceaccount", "deployment/frontend", "redis"),
    ],
)
def test_an_operator_changes_no_template(change: tuple[str, ...], operator: Access) -> None:
    """One with another command would print the Secrets that it mounts."""
    with pytest.raises(Failure, match="Operators restart, pause and scale"):
        operator.run(*IN_JOURNAL, *change)


@pytest.fixture
def forwarded(operator: Access) -> Iterator[str]:
    command = [*operator.command(), *IN_JOURNAL, "port-forward", "deployment/frontend", ":management"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("Forwarding from ").partition(" ")[0]
        process.terminate()


def test_an_operator_asks_a_pod_itself(forwarded: str) -> None:
    assert httpx.get(f"http://{forwarded}/readyz").status_code == 200
