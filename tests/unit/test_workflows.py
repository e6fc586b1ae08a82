"""What must hold for every workflow: pinned actions, least permissions, no secrets, no injection, stages in order."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.aws.identity.github import SESSION_MINUTES
from components.aws.identity.permissions.boundary import SERVICE_LINKED_ROLE_SERVICES
from components.settings.shared import CloudEnvironment
from tools import ci, golang
from tools.canary import STATUS, Verdict

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
PULUMI_ACTION = (ROOT / ".github/actions/pulumi/action.yml").read_text()
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
CREDENTIALS = ("./.github/actions/pulumi", "aws-actions/configure-aws-credentials@")
CHANGES = re.compile(r"pulumi (?:up|destroy|refresh|cancel|import|state|stack (?:init|rm|import))\b")
WRITES = {"comment": {"pull-requests"}, "comment_prod": {"pull-requests"}, "report": {"issues"}}
"""What a job may write beside an OIDC token."""


PREVIEWS = {"preview-${{ inputs.stack }}"}
OF_MAIN = {"audit-${{ inputs.stack }}", "audit-${{ matrix.stack }}", "images", "dev", "${{ inputs.stack }}"}
"""GitHub environments that any branch may use, and those of the branch main alone (docs/aws.md)."""


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github/workflows" / f"{name}.yml").read_text())


def trigger(workflow: dict[Any, Any]) -> Any:
    """YAML 1.1 reads the key `on` as true."""
    return workflow[True]


def jobs() -> list[Any]:
    return [
        pytest.param(job, id=f"{path.stem}/{name}")
        for path in WORKFLOWS
        for name, job in load(path.stem)["jobs"].items()
    ]


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("steps", [])


def runs(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in steps(job))


def uses(job: dict[str, Any]) -> list[str]:
    return [step["uses"] for step in steps(job) if "uses" in step]


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)
    assert used
    for reference in used:
        assert reference.startswith("./.github/") or PINNED.fullmatch(reference), reference


def test_an_action_has_one_version_everywhere() -> None:
    text = "\n".join(path.read_text() for path in (*WORKFLOWS, *ACTIONS))
    versions: dict[str, set[str]] = {}
    for action, pin in re.findall(r"uses: ([^.@\s][^@\s]*)@(.+)", text):
        versions.setdefault(action, set()).add(pin)
    assert {action: pins for action, pins in versions.items() if len(pins) > 1} == {}


def test_images_of_jobs_are_pinned_by_digest() -> None:
    found = [job.values[0]["container"]["image"] for job in jobs() if "container" in job.values[0]]
    assert found
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in found)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_permission_that_a_job_does_not_ask_for(path: Path) -> None:
    workflow = load(path.stem)
    assert workflow["permissions"] == {}
    assert workflow["defaults"]["run"]["shell"] == "bash"
    assert "secrets." not in path.read_text()
    assert "secrets: inherit" not in path.read_text()
    assert "pull_request_target" not in trigger(workflow)


@pytest.mark.parametrize("job", jobs())
def test_a_job_writes_no_more_than_it_must(job: dict[str, Any], request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id.rpartition("/")[2]
    written = {scope for scope, access in job["permissions"].items() if access == "write"}
    credentials = any(used.startswith(CREDENTIALS) for used in uses(job))
    calls = "uses" in job
    assert written == WRITES.get(name, set()) | ({"id-token"} if credentials or calls else set())


@pytest.mark.parametrize("job", [job for job in jobs() if "steps" in job.values[0]])
def test_a_job_ends_and_leaves_no_credentials(job: dict[str, Any]) -> None:
    limit = 90 if "container" in job or job.get("environment") == "dev" else 60
    assert job["timeout-minutes"] == "${{ inputs.minutes }}" or 0 < job["timeout-minutes"] <= limit
    checkouts = [step for step in steps(job) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


def test_jobs_check_out_the_repository() -> None:
    """Or the test above says nothing."""
    assert any(used.startswith("actions/checkout@") for job in jobs() for used in uses(job.values[0]))


@pytest.mark.parametrize("job", jobs())
def test_scripts_read_what_others_wrote_from_the_environment_alone(job: dict[str, Any]) -> None:
    scripts = [step.get("run", "") + str(step.get("with", {}).get("script", "")) for step in steps(job)]
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("job", [job for job in jobs() if any(u.startswith(CREDENTIALS) for u in uses(job.values[0]))])
def test_credentials_come_by_oidc_for_an_environment(job: dict[str, Any]) -> None:
    """The role's trust names the environment, and the environment says who may use it."""
    assert job["environment"] in {*PREVIEWS, *OF_MAIN}
    (taken,) = [step for step in steps(job) if step.get("uses", "").startswith(CREDENTIALS)]
    assert "${{ vars.AWS_ROLE_ARN }}" in taken["with"].values()
    assert not {"aws-access-key-id", "aws-secret-access-key"} & taken["with"].keys()


@pytest.mark.parametrize("job", [job for job in jobs() if CHANGES.search(runs(job.values[0]))])
def test_what_changes_a_stack_has_it_for_itself_and_its_role(job: dict[str, Any]) -> None:
    stack = job["environment"]
    assert stack in {"dev", "${{ inputs.stack }}"}
    assert job["concurrency"] == {"group": f"stack-{stack}", "cancel-in-progress": False}


def test_a_stack_is_changed_in_two_places() -> None:
    found = {
        (path.stem, name)
        for path in WORKFLOWS
        for name, job in load(path.stem)["jobs"].items()
        if CHANGES.search(runs(job))
    }
    assert found == {("deploy-stack", "up"), ("destroy-dev", "destroy")}


def test_main_goes_to_dev_then_staging_then_prod() -> None:
    workflow = load("deploy")
    assert trigger(workflow)["push"] == {"branches": ["main"]}
    stages = workflow["jobs"]
    assert stages["images"]["if"] == "github.ref == 'refs/heads/main'"
    assert stages["prod"]["if"] == "github.ref == 'refs/heads/main' && !failure() && !cancelled()"
    assert stages["dev"]["needs"] == "images"
    assert stages["staging"]["needs"] == ["images", "dev"]
    assert stages["prod"]["needs"] == ["images", "staging", "prod_100"]
    whole = [stage["with"]["stack"] for stage in stages.values() if "with" in stage and "share" not in stage["with"]]
    assert whole == [stack for stack in ci.ORDER if stack != "shared"]
    for tier in ci.TIERS.values():
        deployed = {stage["with"][tier] for stage in stages.values() if "with" in stage}
        assert deployed == {f"${{{{ needs.images.outputs.{tier} }}}}"}


def test_a_canary_in_prod_goes_step_by_step_where_prod_s_file_says_so() -> None:
    stages = load("deploy")["jobs"]
    before = "staging"
    for share in (25, 50, 75, 100):
        step = stages[f"prod_{share}"]
        assert step["needs"] == ["images", before]
        assert step["if"] == "github.ref == 'refs/heads/main' && needs.images.outputs.prod == 'canary'"
        assert (step["with"]["stack"], step["with"]["share"]) == ("prod", share)
        before = f"prod_{share}"
    assert yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]["journal:frontend"]["release"] == {
        "strategy": "canary"
    }


def test_a_candidate_that_fails_more_is_taken_away_in_the_step_s_own_job() -> None:
    """Another job of the same environment would wait for a reviewer."""
    up = load("deploy-stack")["jobs"]["up"]
    assert up["environment"] == "${{ inputs.stack }}"
    (watched,) = [step for step in steps(up) if "tools.canary" in step.get("run", "")]
    assert watched["if"] == "!cancelled() && inputs.share != 0 && steps.up.outcome != 'skipped'"
    assert watched["env"]["UP"] == "${{ steps.up.outcome }}"
    script = watched["run"]
    assert script.index("tools.canary watch") < script.index('.ci/configure "$STACK" abort') < script.index("pulumi up")
    assert 'if [ "$status" != 3 ]' in script
    assert STATUS[Verdict.ABORT] == 3


def test_images_are_deployed_by_digest() -> None:
    outputs = load("deploy")["jobs"]["images"]["outputs"]
    for tier in ci.TIERS.values():
        assert re.search(
            rf"steps\.{tier}\.outputs\.tag }}}}@\$\{{\{{ steps\.{tier}\.outputs\.digest \|\|", outputs[tier]
        )
    for job in ("preview", "up"):
        script = runs(load("deploy-stack")["jobs"][job])
        assert '.ci/configure "$STACK" "$SHARE" "$FRONTEND" "$FILESERVER" "$AUTH"' in script


def test_a_deployment_is_previewed_first_and_checked_after() -> None:
    up = load("deploy-stack")["jobs"]["up"]
    assert up["needs"] == "preview"
    assert runs(up).index("pulumi up") < runs(up).index("/api/version")


def test_what_a_stack_runs_is_kept_in_the_registry_once_it_runs() -> None:
    jobs = load("deploy-stack")["jobs"]
    (up,) = [step for step in steps(jobs["up"]) if step.get("id") == "up"]
    assert "pulumi up" in up["run"]
    assert jobs["up"]["outputs"] == {"done": "${{ steps.up.outcome }}"}
    assert jobs["keep"]["needs"] == "up"
    assert jobs["keep"]["if"] == "always() && needs.up.outputs.done == 'success' && inputs.share == 0"
    assert jobs["keep"]["environment"] == "images"


@pytest.mark.parametrize(
    ("workflow", "job", "command"),
    [("preview-stack", "preview", "preview"), ("deploy-stack", "preview", "preview"), ("deploy-stack", "up", "up")],
)
def test_the_policy_pack_judges_what_is_planned_and_what_is_done(workflow: str, job: str, command: str) -> None:
    script = runs(load(workflow)["jobs"][job])
    assert f'pulumi {command} --stack "$STACK" --policy-pack policy' in script


def test_forks_get_no_credentials_and_no_comment_and_are_told() -> None:
    pull_request = load("pull-request")["jobs"]
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    without = {name for name, job in pull_request.items() if same in str(job.get("if"))}
    assert without == {"preview", "preview_prod", "comment"}
    assert "needs.comment.result == 'success'" in pull_request["comment_prod"]["if"]
    assert "No previews and no comment" in runs(pull_request["stacks"])


def test_a_pull_request_previews_each_stack_by_a_role_of_its_own_and_prod_apart() -> None:
    pull_request = load("pull-request")["jobs"]
    callers = {name for name, job in pull_request.items() if "uses" in job}
    assert callers == {"preview", "preview_prod"}
    assert {pull_request[name]["uses"] for name in callers} == {"./.github/workflows/preview-stack.yml"}
    assert pull_request["preview_prod"]["with"] == {"stack": "prod"}
    assert "preview_prod" not in pull_request["comment"]["needs"], "it would wait for prod's reviewer"
    (job,) = load("preview-stack")["jobs"].values()
    assert job["environment"] in PREVIEWS


@pytest.mark.parametrize("job", [job for job in jobs() if "runs-on" in job.values[0]])
def test_code_of_a_branch_runs_on_no_machine_that_takes_a_role_of_main(job: dict[str, Any]) -> None:
    variables = set(re.findall(r"vars\.(\w+)", job["runs-on"]))
    environment = job.get("environment")
    expected = {"PREVIEW_RUNNERS"} if environment in PREVIEWS else {"DEPLOY_RUNNERS"}
    assert variables == (set() if environment in {None, "images"} else expected)


def minutes(stack: str) -> int:
    """How long the workflow lets a deployment of the stack take."""
    (found,) = {
        j["with"]["minutes"] for j in load("deploy")["jobs"].values() if j.get("with", {}).get("stack") == stack
    }
    return found


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_a_role_stays_valid_for_as_long_as_its_deployment_may_take(stack: CloudEnvironment) -> None:
    assert minutes(stack) == SESSION_MINUTES[stack]
    up = load("deploy-stack")["jobs"]["up"]
    assert up["timeout-minutes"] == "${{ inputs.minutes }}"
    (taken,) = [step for step in steps(up) if step.get("uses", "").startswith(CREDENTIALS)]
    assert taken["with"]["minutes"] == "${{ inputs.minutes }}"
    assert "role-duration-seconds: ${{ steps.session.outputs.seconds }}" in PULUMI_ACTION
    assert "$((MINUTES * 60))" in PULUMI_ACTION


@pytest.mark.parametrize("job", [job for job in jobs() if any(u.startswith(CREDENTIALS) for u in uses(job.values[0]))])
def test_credentials_outlast_the_job_that_takes_them(job: dict[str, Any]) -> None:
    (taken,) = [step for step in steps(job) if step.get("uses", "").startswith(CREDENTIALS)]
    session = taken["with"].get("minutes", 60)
    assert session == job["timeout-minutes"] or session >= job["timeout-minutes"]
    if isinstance(session, int):
        assert session <= SESSION_MINUTES.get(job["environment"], 60)


def test_pulumi_is_asked_to_end_before_its_job_is_killed() -> None:
    """Thirty minutes hold the check that the journal answers, twenty at most, and what Pulumi still waits for."""
    script = runs(load("deploy-stack")["jobs"]["up"])
    assert 'timeout --foreground --signal=INT --kill-after=10m "$((MINUTES - 30))m" \\\n  pulumi up' in script
    assert min(SESSION_MINUTES.values()) - 30 >= 60
    assert "timeout --foreground --signal=INT" in runs(load("destroy-dev")["jobs"]["destroy"])


def test_a_deployment_by_hand_undoes_drift() -> None:
    """Without a refresh Pulumi compares the program with the state, and sees no drift."""
    assert load("deploy-stack")["env"]["REFRESH"] == "${{ github.event_name == 'workflow_dispatch' }}"
    for name, command in {"preview": "pulumi preview", "up": "pulumi up"}.items():
        line, *_ = [line for line in runs(load("deploy-stack")["jobs"][name]).splitlines() if command in line]
        assert '--refresh="$REFRESH"' in line


def test_drift_is_looked_for_in_every_stack_by_a_role_that_pull_requests_lack() -> None:
    check = load("drift")["jobs"]["check"]
    assert check["strategy"]["matrix"]["stack"] == list(ci.ORDER)
    assert check["environment"] == "audit-${{ matrix.stack }}"
    assert "--refresh --expect-no-changes" in runs(check)
    assert trigger(load("drift"))["schedule"]


def test_only_dev_is_destroyed_and_only_when_it_is_typed() -> None:
    workflow = load("destroy-dev")
    assert set(trigger(workflow)) == {"workflow_dispatch"}
    (job,) = workflow["jobs"].values()
    assert "inputs.confirm == 'destroy dev'" in job["if"]
    assert re.findall(r"--stack (\S+)", runs(job)) == ["dev"]
    assert runs(job).index("tools.vault empty journal-dev") < runs(job).index("pulumi destroy")


def test_the_guide_to_aws_sets_every_variable_and_makes_every_environment() -> None:
    guide = (ROOT / "docs/aws.md").read_text()
    workflows = "\n".join(path.read_text() for path in WORKFLOWS)
    variables = set(re.findall(r"vars\.(\w+)", workflows))
    assert variables == set(re.findall(r"gh variable set (\w+)", guide))
    (stacks,) = re.findall(r"for stack in (shared .+); do\n  gh api -X PUT repos/\$REPO/environments/preview-", guide)
    assert stacks.split() == list(ci.ORDER)
    (protected,) = re.findall(r"for environment in (images .+); do\n  gh api", guide)
    (audits,) = re.findall(r"audit-\{([a-z,]+)\}", protected)
    assert audits.split(",") == list(ci.ORDER)
    deployed = [stage["with"]["stack"] for stage in load("deploy")["jobs"].values() if "with" in stage]
    assert re.sub(r"audit-\S+ ", "", protected).split() == ["images", *dict.fromkeys(deployed)]
    for role in ("preview-$stack", "audit-$stack", "images", "$environment"):
        assert f"takes {role} " in guide


def test_the_guide_asks_a_reviewer_before_prod_is_changed_or_a_branch_reads_it() -> None:
    guide = (ROOT / "docs/aws.md").read_text()
    for environment in ("prod", "preview-prod"):
        (call,) = re.findall(rf"gh api -X PUT repos/\$REPO/environments/{environment} .*?\n(?!  )", guide, re.DOTALL)
        assert "prevent_self_review=true" in call
        assert "reviewers[][id]=$APPROVER" in call


def test_the_guide_makes_each_service_linked_role_that_the_stacks_need() -> None:
    (listed,) = re.findall(r"for service in (.+?); do", (ROOT / "docs/aws.md").read_text(), re.DOTALL)
    made = sorted(f"{name}.amazonaws.com" for name in listed.replace("\\\n", " ").split())
    assert made == sorted(SERVICE_LINKED_ROLE_SERVICES)


def called(pattern: str) -> list[str]:
    """What workflows, actions and .ci/ call, by a pattern with one group."""
    texts = [path.read_text() for path in (*WORKFLOWS, *ACTIONS, *sorted((ROOT / ".ci").iterdir()))]
    return sorted({found for text in texts for found in re.findall(pattern, text)})


@pytest.mark.parametrize("command", called(r"(\S*python3? -m [\w.]+ \w+)"))
def test_the_commands_of_ours_that_workflows_call_are_there(command: str) -> None:
    """The runner's own python3 has the standard library alone."""
    python, _, *words = command.split()
    alone = ["-S"] if python == "python3" else []
    called = [sys.executable, *alone, "-m", *words, "--help"]
    done = subprocess.run(called, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_targets_and_scripts_that_workflows_call_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = called(r"(?m)(?:^\s*|run: |exec )make ([a-z][a-z-]*)")
    assert named
    assert set(named) <= targets
    scripts = called(r"(?<![\w/])(\.ci/[\w-]+)")
    assert scripts == [".ci/configure", ".ci/image", ".ci/keep", ".ci/previous", ".ci/run"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


def test_go_is_new_enough_for_every_module() -> None:
    """The oldest Go that a module allows stands on its `go` line, patch release included."""
    (file,) = called(r"go-version-file: (\S+)")
    listed = subprocess.run(
        ["git", "ls-files", "*go.mod"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    required = {path: golang.required((ROOT / path).read_text()) for path in listed}
    assert len(required) > 3
    assert [path for path, version in required.items() if golang.older(required[file], version)] == []


def test_the_pulumi_cli_is_as_new_as_the_sdk() -> None:
    (version,) = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert f"pulumi-version: {version} #" in PULUMI_ACTION


def test_dependabot_updates_every_action_of_ours() -> None:
    (update,) = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert update["directories"] == ["/", *(f"/.github/actions/{path.parent.name}" for path in ACTIONS)]
