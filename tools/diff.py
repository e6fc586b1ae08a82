"""What a commit would change: two renderings of a stack, compared by manifest and by resource."""

import difflib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from tools import render, stack
from tools.failures import Failure
from tools.render import LIST
from tools.tree import short

ABSENT = "(none)"
COMPARED = ("inputs", "parent", "protect", "retainOnDelete")
COMMENT_LIMIT = 65_536
"""Characters that a comment on GitHub holds."""
SHOWN = 160
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Rendering:
    """manifests: YAML by `namespace/Kind/name`. resources: entries of resources.json by URN."""

    manifests: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One resource that differs. inputs: path, old and new value of what does, where it is in both."""

    action: Literal["added", "removed", "changed"]
    type: str
    name: str
    inputs: tuple[tuple[str, Any, Any], ...] = ()


def read(folder: Path) -> Rendering:
    """A rendering that was written, whatever its files are called."""
    manifests: dict[str, str] = {}
    for path in sorted(folder.rglob("*.yaml")):
        body = yaml.safe_load(path.read_text())
        key = (body["metadata"].get("namespace", "cluster"), body["kind"], body["metadata"]["name"])
        manifests["/".join(key)] = yaml.safe_dump(body, sort_keys=True, width=120)
    return Rendering(manifests, {entry["urn"]: entry for entry in json.loads((folder / LIST).read_text())})


def against(name: str, base: str) -> tuple[Rendering, Rendering]:
    """A stack as the commit `base` has it, rendered by that commit's own code, and as it is here. Raises Failure."""
    commit = _git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if commit.returncode != 0:
        raise Failure(f"{base!r} is no commit here.", f"Name one, like BASE=main; `git fetch origin {base}` brings it.")
    after = read(render.render(name))
    if _git("cat-file", "-e", f"{commit.stdout.strip()}:Pulumi.{name}.yaml").returncode != 0:
        return Rendering(), after
    with _worktree(commit.stdout.strip()) as folder:
        package = "tools" if (folder / "tools" / "cli.py").exists() else "local"
        done = subprocess.run(
            [sys.executable, "-m", package, "render", "--stack", name],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failure(
                f"Stack {name} of {base} can't be rendered by the code of that commit.",
                "Compare with a commit that can: BASE=COMMIT.",
                (done.stdout + done.stderr)[-1500:],
            )
        return read(folder / "build" / name), after


def manifests(before: Rendering, after: Rendering) -> str:
    """A unified diff of all manifests; empty where they are the same."""
    lines: list[str] = []
    for key in sorted(before.manifests.keys() | after.manifests.keys()):
        old, new = before.manifests.get(key, ""), after.manifests.get(key, "")
        sides = (f"a/{key}" if old else "/dev/null", f"b/{key}" if new else "/dev/null")
        lines += difflib.unified_diff(old.splitlines(), new.splitlines(), *sides, lineterm="")
    return "\n".join(lines)


def resources(before: Rendering, after: Rendering) -> list[Change]:
    """The resources that differ, by type and name."""
    found: list[Change] = []
    for urn in before.resources.keys() | after.resources.keys():
        old, new = before.resources.get(urn), after.resources.get(urn)
        if old is None:
            found.append(Change("added", after.resources[urn]["type"], after.resources[urn]["name"]))
        elif new is None:
            found.append(Change("removed", old["type"], old["name"]))
        elif changed := differences(_compared(old), _compared(new)):
            inputs = tuple((path.removeprefix("inputs."), a, b) for path, a, b in changed)
            found.append(Change("changed", new["type"], new["name"], inputs))
    return sorted(found, key=lambda c: (c.type, c.name, c.action))


def differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """(path, old, new) of each leaf that differs; items of lists are matched by `name` where they have one."""
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            found
            for key in sorted(old.keys() | new.keys())
            for found in differences(old.get(key, ABSENT), new.get(key, ABSENT), _step(path, key))
        ]
    if isinstance(old, list) and isinstance(new, list):
        return differences(_keyed(old, new), _keyed(new, old), path)
    return [(path, old, new)]


class _Item(str):
    """A key that stands for a list's item."""


def _keyed(items: list[Any], others: list[Any]) -> dict[_Item, Any]:
    named = all(isinstance(i, Mapping) and isinstance(i.get("name"), str) for i in [*items, *others])
    return {_Item(item["name"] if named else index): item for index, item in enumerate(items)}


def _step(path: str, key: str) -> str:
    if isinstance(key, _Item):
        return f"{path}[{key}]"
    shown = f'["{key}"]' if re.search(r"[./]", key) else key
    return f"{path}.{shown}" if path and not shown.startswith("[") else f"{path}{shown}"


def summary(changes: list[Change]) -> list[tuple[str, int, int, int]]:
    """Type, and how many of it are added, removed, changed."""
    counted = Counter((c.type, c.action) for c in changes)
    types = sorted({c.type for c in changes})
    return [(short(t), counted[t, "added"], counted[t, "removed"], counted[t, "changed"]) for t in types]


def details(changes: list[Change]) -> list[str]:
    """One line for each resource, and below it one for each input that differs."""
    marks = {"added": "+", "removed": "-", "changed": "~"}
    lines: list[str] = []
    for change in changes:
        lines.append(f"{marks[change.action]} {short(change.type)} {change.name}")
        lines += [f"    {path}: {_shown(old)} -> {_shown(new)}" for path, old, new in change.inputs]
    return lines


def markdown(name: str, base: str, before: Rendering, after: Rendering, limit: int = COMMENT_LIMIT) -> str:
    """The comparison for a comment on GitHub, cut to `limit` characters, which it then says."""
    changes, diff = resources(before, after), manifests(before, after)
    if not changes and not diff:
        return f"`{name}` renders as in `{base}`: nothing changes.\n"
    rows = [f"| `{type_}` | {added} | {removed} | {changed} |" for type_, added, removed, changed in summary(changes)]
    counts = Counter(c.action for c in changes)
    head = ", ".join(f"{counts[action]} {action}" for action in ("added", "removed", "changed"))
    text = "\n".join(
        [
            f"Resources of `{name}` against `{base}`: {head}.\n",
            *(["| type | added | removed | changed |", "|---|---:|---:|---:|", *rows] if rows else []),
        ]
    )
    for title, language, lines in (
        ("Resources", "text", details(changes)),
        ("Manifests", "diff", diff.splitlines()),
    ):
        text += _block(title, language, lines, limit - len(text) - 1)
    return text + "\n"


def _block(title: str, language: str, lines: list[str], room: int) -> str:
    """A folded block of lines, as many as there is room for."""
    if not lines:
        return ""
    head, foot = f"\n\n<details><summary>{title}</summary>\n\n````{language}\n", "\n````\n\n</details>"
    note = f"\n… cut: {len(lines)} lines in all, see `make diff`"
    left = room - len(head) - len(foot)
    if len("\n".join(lines)) <= left:
        return head + "\n".join(lines) + foot
    kept: list[str] = []
    left -= len(note)
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    return head + "\n".join(kept) + note + foot if kept else ""


def _compared(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _unfolded(entry[key]) for key in COMPARED if key in entry}


def _unfolded(value: Any) -> Any:
    """Documents of JSON within text as what they say, so that the part that differs is named."""
    if isinstance(value, Mapping):
        return {k: _unfolded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_unfolded(v) for v in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = text.replace("\n", "\\n")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


@contextmanager
def _worktree(commit: str) -> Generator[Path]:
    """The files of a commit, in a folder of their own for as long as they are used."""
    with tempfile.TemporaryDirectory(prefix="journal-diff-") as parent:
        folder = Path(parent) / "base"
        made = _git("worktree", "add", "--detach", "--quiet", str(folder), commit)
        if made.returncode != 0:
            raise Failure(f"The files of {commit} can't be laid out.", "Does `git worktree list` answer?", made.stderr)
        try:
            yield folder
        finally:
            _git("worktree", "remove", "--force", str(folder))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=stack.ROOT, capture_output=True, text=True, check=False)
