"""Each resource of each stack: whether the roles that deploy, preview and refresh it may make the provider's calls.

An administrator deploys stack `shared` (docs/aws.md), so of its resources only the reads are judged, by the roles that
preview it and look for drift. The roles of GitHub have no boundary; those that they make have one, and test_boundary.py
judges them.
"""

from collections.abc import Callable

import pytest

from tests.conftest import Recording
from tests.unit.components.aws.identity.authorization_reference import action as reference
from tests.unit.components.aws.identity.calls import ACCOUNT, PHASES, Call, Calls, table
from tests.unit.components.aws.identity.iam_evaluator import allowed, allowed_with_key

ENVIRONMENTS = ["dev", "staging", "prod"]
STACKS = ["shared", *ENVIRONMENTS]
READERS = ["preview", "drift"]


def policies(shared: Recording, role: str) -> list[str]:
    """The documents of a role of stack `shared`, inline and attached."""
    name = f"journal-shared-{role}"
    by_arn = {str(r.id): r["policy"] for r in shared.of_type("aws:iam/policy:Policy")}
    attachments = shared.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    attached = [by_arn[r["policyArn"]] for r in attachments if r["role"] == name]
    inline = [r["policy"] for r in shared.of_type("aws:iam/rolePolicy:RolePolicy") if r["role"] == name]
    assert len(inline) == 1
    assert attached
    return [*inline, *attached]


def arn_of(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/journal-shared-{role}"


def refused(role: str, documents: list[str], calls: list[Call]) -> list[str]:
    def may(call: Call) -> bool:
        if call.key_policy is not None:
            return allowed_with_key(
                arn_of(role), documents, call.key_policy, call.action, call.arn, call.context
            )
        return allowed(documents, call.action, call.arn, call.context)

    assert calls
    return [str(call) for call in calls if not may(call)]


@pytest.mark.parametrize("stack", STACKS)
def test_every_type_has_an_entry(stack: str, recorded: Callable[[str], Recording]) -> None:
    types = {r.type for r in recorded(stack).registrations if r.type.startswith("aws:")}
    assert types
    needed = {type_: PHASES if stack != "shared" else ("read",) for type_ in types}
    missing = [
        f"{type_}: write what the provider calls, and its source, into calls/; see calls/README.md"
        for type_, phases in sorted(needed.items())
        if not {"source", *phases} <= set(table().get(type_, {}))
    ]
    assert missing == []


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_may_do_all_to_every_resource(
    environment: str, phase: str, recorded: Callable[[str], Recording]
) -> None:
    role = f"deploy-{environment}"
    calls = Calls(environment, recorded(environment), arn_of(role))
    asked = [call for resource in calls.resources for call in calls.of(resource, phase)]
    assert refused(role, policies(recorded("shared"), role), asked) == []


@pytest.mark.parametrize("role", READERS)
@pytest.mark.parametrize("stack", STACKS)
def test_previews_and_drift_read_every_resource(stack: str, role: str, recorded: Callable[[str], Recording]) -> None:
    calls = Calls(stack, recorded(stack), arn_of(role))
    asked = [call for resource in calls.resources for call in calls.of(resource, "read")]
    assert refused(role, policies(recorded("shared"), role), asked) == []


@pytest.mark.parametrize("stack", STACKS)
def test_the_table_asks_for_resources_as_iam_does(stack: str, recorded: Callable[[str], Recording]) -> None:
    """An action is asked for an ARN of a kind that it takes, or for `*` where it takes none."""
    calls = Calls(stack, recorded(stack), arn_of("any"))
    phases = PHASES if stack != "shared" else ("read",)
    asked = {(c.action, c.arn) for r in calls.resources for phase in phases for c in calls.of(r, phase)}
    assert asked
    wrong = []
    for name, arn in sorted(asked):
        action = reference(name)
        if action is None:
            wrong.append(f"{name}: there is no such action")
        elif arn == "*" and any(kind.required for kind in action.kinds):
            wrong.append(f"{name}: takes {', '.join(kind.name for kind in action.kinds)}, not *")
        elif arn != "*" and not action.kinds_of(arn):
            wrong.append(f"{name}: takes {', '.join(kind.name for kind in action.kinds) or '*'}, not {arn}")
    assert wrong == []
