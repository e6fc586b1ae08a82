"""Pods: the `restricted` Pod Security Standard and what goes beyond it (kubernetes.io, Pod Security Standards)."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.model import Message, Rule, Stack, StackRule, Violation, at, elements, given, is_, known, unknown_in
from tools.resource import UNKNOWN, Resource

TEMPLATES = {
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **{
        f"kubernetes:{kind}": ("spec", "template", "spec")
        for kind in (
            "apps/v1:DaemonSet",
            "apps/v1:Deployment",
            "apps/v1:ReplicaSet",
            "apps/v1:StatefulSet",
            "batch/v1:Job",
        )
    },
}
"""Where each kind keeps its pods' spec."""
LONG_RUNNING = [t for t in TEMPLATES if not t.startswith("kubernetes:batch/")]
BINDINGS = (
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
)
ACCOUNT = "kubernetes:core/v1:ServiceAccount"


def pod(r: Resource) -> Any:
    """The spec of a resource's pods."""
    return at(r.inputs, *TEMPLATES[r.type])


def containers(r: Resource, *, starting: bool = True) -> Iterator[Mapping[str, Any]]:
    """The containers of a resource's pods. starting: also those that run before the others."""
    yield from elements(at(pod(r), "containers"))
    if starting:
        yield from elements(at(pod(r), "initContainers"))


def _resources(r: Resource) -> Iterator[Message]:
    for c in containers(r):
        for side in ("requests", "limits"):
            missing = [what for what in ("cpu", "memory") if not given(at(c, "resources", side, what))]
            if missing:
                yield f"container {c['name']}: resources.{side} lacks {' and '.join(missing)}: set them"


def _host(r: Resource) -> Iterator[Message]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if at(pod(r), name) is True:
            yield f"shares the node's {name.removeprefix('host')}: leave {name} out"
    for volume in elements(at(pod(r), "volumes")):
        if known(at(volume, "hostPath")):
            yield f"volume {volume['name']} is the node's {at(volume, 'hostPath', 'path')}: take another kind of volume"
    for c in containers(r):
        if any(known(at(port, "hostPort")) for port in elements(c.get("ports"))):
            yield f"container {c['name']} takes a port of the node: leave hostPort out, and declare a Service"


def _privileges(r: Resource) -> Iterator[Message]:
    for c in containers(r):
        security = c.get("securityContext")
        if at(security, "privileged") is True:
            yield f"container {c['name']} is privileged: leave it out"
        if not is_(at(security, "allowPrivilegeEscalation"), False):
            yield f"container {c['name']} may gain privileges: set securityContext.allowPrivilegeEscalation to false"
        dropped = at(security, "capabilities", "drop")
        if "ALL" not in elements(dropped) and not unknown_in(dropped):
            yield f"container {c['name']} keeps capabilities: set securityContext.capabilities.drop to [ALL]"
        if added := elements(at(security, "capabilities", "add")):
            yield f"container {c['name']} adds {', '.join(added)}: leave capabilities.add out"


def _either(r: Resource, c: Mapping[str, Any], *path: str) -> Any:
    """What a container's security context says, or its pod's."""
    own = at(c, "securityContext", *path)
    return at(pod(r), "securityContext", *path) if own is None else own


def _non_root(r: Resource) -> Iterator[Message]:
    for c in containers(r):
        if not is_(_either(r, c, "runAsNonRoot"), True) or _either(r, c, "runAsUser") == 0:
            yield f"container {c['name']} may run as root: set securityContext.runAsNonRoot to true, runAsUser above 0"


def _read_only(r: Resource) -> Iterator[Message]:
    for c in containers(r):
        if not is_(at(c, "securityContext", "readOnlyRootFilesystem"), True):
            yield f"container {c['name']} may change its files: set readOnlyRootFilesystem to true, mount an emptyDir"


def _seccomp(r: Resource) -> Iterator[Message]:
    for c in containers(r):
        if _either(r, c, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost", UNKNOWN):
            yield f"container {c['name']} may make any system call: set seccompProfile.type to RuntimeDefault"


def _secrets(r: Resource) -> Iterator[Message]:
    for c in containers(r):
        for entry in elements(c.get("env")):
            if known(at(entry, "valueFrom", "secretKeyRef")):
                yield f"container {c['name']}: {entry['name']} shows a Secret to whatever runs: mount it as a file"
        if any(known(at(source, "secretRef")) for source in elements(c.get("envFrom"))):
            yield f"container {c['name']}: envFrom shows a Secret to whatever runs: mount it as a file"


def _probes(r: Resource) -> Iterator[Message]:
    for c in containers(r, starting=False):
        missing = [name for name in ("readinessProbe", "livenessProbe") if not given(c.get(name))]
        if missing:
            yield f"container {c['name']} has no {' and no '.join(missing)}: broken pods stay in service"


def _own_account(r: Resource) -> Iterator[Message]:
    if at(pod(r), "serviceAccountName") in (None, "", "default"):
        yield "runs under the namespace's default service account: declare one for it"


def _account_token(r: Resource) -> Iterator[Message]:
    if not is_(r.inputs.get("automountServiceAccountToken"), False):
        yield "any pod under it gets a token: set automountServiceAccountToken to false, and to true in the pod's spec"


def _tokens(stack: Stack) -> Iterator[Violation]:
    granted = {
        (at(subject, "namespace"), at(subject, "name"))
        for r in stack.of(*BINDINGS)
        for subject in elements(r.inputs.get("subjects"))
    }
    for r in stack.of(*TEMPLATES):
        account = (at(r.inputs, "metadata", "namespace"), at(pod(r), "serviceAccountName"))
        settled = UNKNOWN not in account and not any(UNKNOWN in subject for subject in granted)
        if not is_(at(pod(r), "automountServiceAccountToken"), False) and settled and account not in granted:
            yield Violation(r, "has a token that grants nothing: set automountServiceAccountToken to false")


def _rule(name: str, description: str, check: Any, types: Any = tuple(TEMPLATES)) -> Rule:
    return Rule(name=name, description=description, types=list(types), check=check)


RULES = [
    _rule("requests-and-limits", "Every container says what it needs, and what it gets at most.", _resources),
    _rule("no-host-access", "No pod sees its node: no host namespaces, paths, ports.", _host),
    _rule("no-privileges", "No container has privileges or capabilities, or can gain any.", _privileges),
    _rule("non-root", "No container runs as root.", _non_root),
    _rule("read-only-root", "No container can change its own files.", _read_only),
    _rule("seccomp", "System calls are filtered.", _seccomp),
    _rule("no-secret-in-environment", "Secrets are files, not environment variables.", _secrets),
    _rule("probes", "What serves says when it is ready, and when it is broken.", _probes, LONG_RUNNING),
    _rule("own-service-account", "Every workload has a service account of its own.", _own_account),
    _rule("no-token-by-default", "A service account hands out no token by itself.", _account_token, [ACCOUNT]),
]

STACK_RULES = [
    StackRule(name="tokens-granted", description="A pod has a token when a role is bound to it.", check=_tokens),
]
