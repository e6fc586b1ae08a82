"""Two renderings compared: manifests as a unified diff, resources by type with what changed in them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tools import cli, cloud, diff, render, stack
from tools.diff import Change, Rendering
from tools.failures import Failure


def resource(name: str, **inputs: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:s::p::aws:eks/nodeGroup:NodeGroup::{name}"
    return {"urn": urn, "type": "aws:eks/nodeGroup:NodeGroup", "name": name, "parent": "", "inputs": inputs}


def rendering(*entries: dict[str, Any], **manifests: str) -> Rendering:
    return Rendering({f"n/Kind/{k}": v for k, v in manifests.items()}, {entry["urn"]: entry for entry in entries})


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ([], [resource("a")], [("added", "a", ())]),
        ([resource("a")], [], [("removed", "a", ())]),
        ([resource("a", size=1)], [resource("a", size=1)], []),
        ([resource("a", size=1)], [resource("a", size=2)], [("changed", "a", (("size", 1, 2),))]),
        ([resource("a", s={"max": 1})], [resource("a", s={"max": 0})], [("changed", "a", (("s.max", 1, 0),))]),
        ([resource("a")], [resource("a", size=2)], [("changed", "a", (("size", "(none)", 2),))]),
    ],
)
def test_resources_are_compared(before: list[dict], after: list[dict], changes: list[tuple]) -> None:
    found = diff.resources(rendering(*before), rendering(*after))
    assert found == [Change(action, "aws:eks/nodeGroup:NodeGroup", name, inputs) for action, name, inputs in changes]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, [("a.b", 1, "(none)"), ("a.c", "(none)", 1)]),
        ({"a": {"x/y.z": 1}}, {"a": {"x/y.z": 2}}, [('a["x/y.z"]', 1, 2)]),
        (
            [{"name": "b", "v": 1}],
            [{"name": "a", "v": 0}, {"name": "b", "v": 2}],
            [("[a]", "(none)", {"name": "a", "v": 0}), ("[b].v", 1, 2)],
        ),
        ({"l": [1, 2]}, {"l": [1, 3, 4]}, [("l[1]", 2, 3), ("l[2]", "(none)", 4)]),
        ({"a": None}, {}, [("a", None, "(none)")]),
    ],
)
def test_each_leaf_that_differs_has_its_path(old: Any, new: Any, expected: list) -> None:
    assert diff.differences(old, new) == expected


def test_a_document_within_text_is_compared_by_its_parts() -> None:
    before, after = (resource("a", policy=json.dumps({"Version": "1", "Sid": sid})) for sid in "xy")
    (change,) = diff.resources(rendering(before), rendering(after))
    assert change.inputs == (("policy.Sid", "x", "y"),)


def test_protection_that_goes_is_a_change() -> None:
    before, after = resource("a") | {"protect": True}, resource("a")
    (change,) = diff.resources(rendering(before), rendering(after))
    assert change.inputs == (("protect", True, "(none)"),)


def test_manifests_are_a_unified_diff() -> None:
    text = diff.manifests(rendering(a="replicas: 2\n", gone="x: 1\n"), rendering(a="replicas: 3\n", new="y: 1\n"))
    assert "--- a/n/Kind/a\n+++ b/n/Kind/a\n" in text
    assert "-replicas: 2\n+replicas: 3" in text
    assert "--- a/n/Kind/gone\n+++ /dev/null" in text
    assert "--- /dev/null\n+++ b/n/Kind/new" in text


def test_the_summary_counts_by_type() -> None:
    before, after = rendering(resource("a", x=1), resource("b")), rendering(resource("a", x=2), resource("c"))
    assert diff.summary(diff.resources(before, after)) == [("aws:eks:NodeGroup", 1, 1, 1)]


def test_a_comment_folds_details_and_says_when_nothing_changes() -> None:
    same = rendering(resource("a"), a="x: 1\n")
    assert "nothing changes" in diff.markdown("prod", "main", same, same)
    text = diff.markdown("prod", "main", same, rendering(resource("a", size=2), a="x: 2\n"))
    assert "0 added, 0 removed, 1 changed" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert "+x: 2" in text


@pytest.mark.parametrize("limit", [700, 2_000, diff.COMMENT_LIMIT])
def test_a_comment_is_cut_at_the_limit_and_says_so(limit: int) -> None:
    long = "".join(f"key{n}: value\n" for n in range(20_000))
    text = diff.markdown("prod", "main", Rendering(), rendering(resource("a"), a=long), limit)
    assert len(text) <= limit
    assert text.count("<details>") == text.count("</details>")
    assert text.count("````") == 2 * text.count("<details>")
    assert "cut: " in text


@pytest.mark.usefixtures("recordings_once")
def test_a_rendering_is_read_back(tmp_path: Path) -> None:
    render.write(cloud.record("local").registrations, tmp_path)
    read = diff.read(tmp_path)
    assert "journal/StatefulSet/redis" in read.manifests
    assert "cluster/Namespace/journal" in read.manifests
    assert any(urn.endswith("::redis") for urn in read.resources)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose only commit has a program with one config map, and whose stack renders to two here."""
    (tmp_path / "tools").mkdir()
    for file in ("__init__.py", "cli.py"):
        (tmp_path / "tools" / file).touch()
    (tmp_path / "tools" / "__main__.py").write_text(
        "import json, pathlib\n"
        "folder = pathlib.Path('build/local')\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'old.yaml').write_text('kind: ConfigMap\\nmetadata: {name: a, namespace: n}\\ndata: {x: one}\\n')\n"
        "(folder / 'resources.json').write_text(json.dumps([]))\n"
    )
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        who = ["-c", "user.name=t", "-c", "user.email=t@t.test"]
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True)
    here = tmp_path / "here"
    here.mkdir()
    (here / "a.yaml").write_text("kind: ConfigMap\nmetadata: {name: a, namespace: n}\ndata: {x: two}\n")
    (here / "resources.json").write_text("[]")
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    monkeypatch.setattr(render, "render", lambda name: here)
    return tmp_path


def test_the_base_is_rendered_by_its_own_code_and_leaves_no_worktree(checkout: Path) -> None:
    before, after = diff.against("local", "HEAD")
    assert "-  x: one\n+  x: two" in diff.manifests(before, after)
    listed = subprocess.run(["git", "worktree", "list"], cwd=checkout, capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1


def test_a_stack_that_the_base_has_not_is_new_as_a_whole(checkout: Path) -> None:
    before, _ = diff.against("prod", "HEAD")
    assert before == Rendering()


def test_a_base_that_is_no_commit_is_told(checkout: Path) -> None:
    with pytest.raises(Failure, match="'nope' is no commit"):
        diff.against("local", "nope")


def test_a_base_that_cannot_be_rendered_is_told(checkout: Path) -> None:
    (checkout / "tools" / "__main__.py").write_text("raise SystemExit('broken program')\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@t.test"]
    subprocess.run(["git", *who, "commit", "-q", "-a", "-m", "broken"], cwd=checkout, check=True)
    with pytest.raises(Failure, match="can't be rendered") as raised:
        diff.against("local", "HEAD")
    assert "broken program" in raised.value.log_tail


def test_the_command_answers_with_status_0_and_a_wrong_base_with_1() -> None:
    assert CliRunner().invoke(cli.app, ["diff", "--stack", "local", "--base", "nope"]).exit_code == 1
