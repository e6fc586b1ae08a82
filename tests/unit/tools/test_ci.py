"""What the workflows compute: the stacks that a change touches, what runs, the comment, the image's name."""

import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from components.aws.registry import deployed_tag
from tools import ci
from tools.stack import names

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "sha256:" + "0" * 64


def entry(kind: str = "update", result: str = "succeeded", tag: str = "v1.0.0-bfeda01f", head: str = "b" * 40) -> dict:
    """An entry of `pulumi stack history --json` as CLI 3.272 writes it, newest first, shortened."""
    frontend = {"image": f"journal/frontend:{tag}@{DIGEST}", "replicas": 2}
    return {
        "kind": kind,
        "result": result,
        "environment": {"git.head": head, "git.dirty": "true"},
        "config": {"journal:frontend": {"value": json.dumps(frontend), "objectValue": frontend, "secret": False}},
    }


@pytest.mark.parametrize(
    ("files", "stacks"),
    [
        (["Pulumi.prod.yaml"], ["prod"]),
        (["Pulumi.prod.yaml", "Pulumi.dev.yaml", "README.md"], ["dev", "prod"]),
        (["Pulumi.shared.yaml"], ["shared"]),
        (["components/aws/network.py"], ["shared", "dev", "staging", "prod"]),
        (["docs/x.md", "__main__.py"], ["shared", "dev", "staging", "prod"]),
        (["requirements.lock"], ["shared", "dev", "staging", "prod"]),
        (["Pulumi.yaml"], ["shared", "dev", "staging", "prod"]),
        (["Pulumi.local.yaml", "apps/frontend/VERSION", "tests/unit/test_ci.py", "docs/components/x.md"], []),
        ([], []),
    ],
)
def test_a_change_touches_the_stacks_that_read_it(files: list[str], stacks: list[str]) -> None:
    assert ci.touched(files) == stacks


def test_every_stack_in_the_cloud_is_known() -> None:
    assert set(ci.ORDER) == set(names()) - {"local"}


def test_changed_files_are_those_since_the_branch_left_its_base(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "init.defaultBranch=main"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def change(name: str) -> None:
        (tmp_path / name).write_text(name)
        git("add", name)
        git("commit", "-qm", name)

    git("init", "-q")
    change("README.md")
    git("checkout", "-qb", "branch")
    change("Pulumi.prod.yaml")
    git("checkout", "-q", "main")
    change("Pulumi.dev.yaml")
    base = git("rev-parse", "HEAD")
    git("checkout", "-q", "branch")
    command = ["python3", "-m", "tools.ci", "stacks", "--base", base]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == ["prod"]


def test_the_images_that_run_are_those_of_the_last_update() -> None:
    history = [entry(kind="refresh", tag="v0"), entry(tag="v1.0.1-00c0ffee"), entry()]
    assert ci.images(history) == {"journal:frontend.image": f"journal/frontend:v1.0.1-00c0ffee@{DIGEST}"}
    assert ci.images([]) == {}


def test_a_canary_s_candidate_and_share_run_too() -> None:
    running = entry(tag="v1")
    section = {"image": "i", "release": {"strategy": "canary", "candidate": "c", "share": 25}}
    running["config"]["journal:frontend"] = {"value": json.dumps(section)}
    assert ci.images([running]) == {
        "journal:frontend.image": "i",
        "journal:frontend.release.candidate": "c",
        "journal:frontend.release.share": "25",
    }


def test_the_commit_that_runs() -> None:
    assert ci.commit([entry(head="a" * 40), entry()]) == "a" * 40
    assert ci.commit([entry(result="failed", head="a" * 40), entry()]) == "a" * 40
    assert ci.commit([entry(kind="destroy"), entry()]) == ""
    assert ci.commit([entry(kind="destroy", result="failed"), entry()]) == "b" * 40
    assert ci.commit([]) == ""


def test_the_comment_has_each_part_of_each_stack() -> None:
    preview = (
        "Previewing update (dev):\n…\nResources:\n    + 2 to create\n    ~ 1 to update\n    3 changes. 210 unchanged\n"
    )
    comment = ci.comment(
        {"dev": {"preview.txt": preview, "cost.md": "| NAT | 32 |"}, "prod": {}}, "https://run.example/7"
    )
    assert comment.splitlines()[0] == ci.MARK
    assert "<code>pulumi preview</code>: + 2 to create, ~ 1 to update, 3 changes. 210 unchanged</summary>" in comment
    assert (
        comment.index("### dev")
        < comment.index("| NAT | 32 |")
        < comment.index("### prod")
        < comment.index("run says why")
    )
    assert "https://run.example/7" in comment


def test_a_preview_without_counts_has_failed() -> None:
    assert ": failed</summary>" in ci.comment({"dev": {"preview.txt": "error: no stack named 'dev' found"}}, "")


def test_an_empty_report_says_that_it_failed() -> None:
    assert "Cost per month</summary>\n\nIt failed: the run says why." in ci.comment({"dev": {"cost.md": ""}}, "")


def test_text_cannot_leave_its_code_block() -> None:
    text = "````\n### not a heading\n```"
    assert ci.fenced(text).splitlines()[0] == "`````text"
    assert ci.fenced(text).splitlines()[-1] == "`````"
    assert ci.fenced("plain").splitlines() == ["```text", "plain", "```"]


def test_a_long_comment_fits_and_stays_whole() -> None:
    manifests = "<details><summary>a</summary>\n\n```diff\n" + "+ a line\n" * 20_000 + "```\n\n</details>"
    preview = "+ resource\n" * 20_000 + "Resources:\n    + 9 to create\n"
    comment = ci.comment({stack: {"preview.txt": preview, "diff.md": manifests} for stack in ci.ORDER}, "https://run")
    assert len(comment) < ci.COMMENT_LIMIT
    assert comment.count("+ 9 to create") == 8
    assert comment.count("```") % 2 == 0
    assert comment.count("<details>") == comment.count("</details>") == 12
    assert "characters cut" in comment
    assert "… cut here …" in comment


def test_a_preview_that_waits_for_a_reviewer_says_so() -> None:
    reports = {"dev": {"cost.md": "| 1 |"}, "prod": {"cost.md": "| 2 |"}}
    comment = ci.comment(reports, "", waiting=["prod"])
    assert comment.count("waits until a reviewer of the environment `preview-prod` allows it") == 1
    reports["prod"]["preview.txt"] = "Resources:\n    + 1 to create\n"
    assert "waits until" not in ci.comment(reports, "", waiting=["prod"])


def test_a_preview_that_a_reviewer_refused_is_missed() -> None:
    reports = {"dev": {"preview.txt": "Resources:\n    + 1 to create\n"}, "prod": {"cost.md": "| 2 |"}}
    assert ci.comment(reports, "https://run").count("`pulumi preview` did not run: the run says why.") == 1
    assert "did not run" not in ci.comment(reports, "")


def image(tmp_path: Path, answer: str) -> subprocess.CompletedProcess[str]:
    """What .ci/image prints of the frontend where the AWS CLI is a script that answers so."""
    aws = tmp_path / "aws"
    aws.write_text(f"#!/bin/sh\n{answer}\n")
    aws.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_SHA": "bfeda01f" + "0" * 32}
    return subprocess.run(
        [ROOT / ".ci/image", "frontend"], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("answer", "digest"), [(f"echo {DIGEST}", DIGEST), ("echo ImageNotFoundException >&2; exit 254", "")]
)
def test_an_image_is_named_by_version_and_commit(tmp_path: Path, answer: str, digest: str) -> None:
    run = image(tmp_path, answer)
    version = (ROOT / "apps/frontend/VERSION").read_text().strip()
    assert run.returncode == 0
    assert dict(line.split("=", 1) for line in run.stdout.splitlines()) == {
        "repository": "journal/frontend",
        "version": version,
        "commit": "bfeda01f",
        "tag": f"v{version}-bfeda01f",
        "digest": digest,
    }


def test_a_registry_that_refuses_is_no_missing_image(tmp_path: Path) -> None:
    run = image(tmp_path, "echo denied >&2; exit 254")
    assert run.returncode == 1
    assert "denied" in run.stderr


def keep(tmp_path: Path, put: str) -> subprocess.CompletedProcess[str]:
    """What .ci/keep does with an image where `aws ecr put-image` answers so. Calls of the AWS CLI are in `calls`."""
    aws = tmp_path / "aws"
    aws.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/calls
case "$2" in
batch-get-image) printf '{{"schemaVersion": 2,\\n "manifests": []}}\\n' ;;
put-image) {put} ;;
esac
"""
    )
    aws.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [ROOT / ".ci/keep", "prod", f"journal/frontend:v1.0.0-bfeda01f@{DIGEST}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("put", ["true", "echo ImageAlreadyExistsException >&2; exit 254"])
def test_what_a_stack_runs_gets_its_tag(tmp_path: Path, put: str) -> None:
    run = keep(tmp_path, put)
    assert (run.returncode, run.stdout) == (0, f"journal/frontend: deployed-prod is {DIGEST}\n")
    calls = (tmp_path / "calls").read_text()
    assert f"--repository-name journal/frontend --image-ids imageDigest={DIGEST}" in calls
    assert f"--image-tag {deployed_tag('prod')} --image-digest {DIGEST} --image-manifest {{" in calls


def test_a_tag_that_the_registry_refuses_is_an_error(tmp_path: Path) -> None:
    run = keep(tmp_path, "echo denied >&2; exit 254")
    assert run.returncode == 1
    assert "denied" in run.stderr


@pytest.mark.parametrize("text", ["", "none", "null", "{}", "[null]", '[{"kind": "update"}]', '[{"result": "failed"}]'])
@pytest.mark.parametrize("command", ["images", "commit"])
def test_what_is_no_history_is_told_in_one_line(command: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(SystemExit, match=r"^tools\.ci: stdin holds no history; give it what `pulumi stack"):
        ci.main([command])


def test_an_update_without_settings_or_commit_has_none() -> None:
    update = {"kind": "update", "result": "succeeded", "config": None, "environment": None}
    assert ci.images([update]) == {}
    assert ci.commit([update]) == ""


def test_a_base_that_git_does_not_know_is_told_with_gits_words() -> None:
    with pytest.raises(SystemExit, match=r"(?s)^tools\.ci: fatal: .*nonsense"):
        ci.main(["stacks", "--base", "nonsense"])
