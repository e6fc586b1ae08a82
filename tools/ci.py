"""What the workflows in .github compute: `python3 -m tools.ci COMMAND`. Needs Python's standard library alone."""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

ORDER = ("shared", "dev", "staging", "prod")
"""The stacks in the cloud, in the order in which they are deployed."""
EVERY_STACK = ("__main__.py", "Pulumi.yaml", "requirements.lock", "components/")
"""What every stack's program reads."""
TIERS = {"frontend": "frontend", "fileserver": "fileserver", "login": "auth"}
"""The sections of a stack's configuration that name an image of ours, and the application that it is of."""
MARK = "<!-- journal: stacks -->"
"""The first line of the comment, by which it is found again."""
COMMENT_LIMIT = 65_536
"""Characters that a GitHub comment holds."""
PARTS = {"preview.txt": "`pulumi preview`", "diff.md": "Rendered manifests", "cost.md": "Cost per month"}
ENTRY = {"kind", "result", "config", "environment"}
"""What is read of each entry of a history (Pulumi CLI, `stack history --json`)."""
_FENCE = re.compile(r"^(`{3,})", re.MULTILINE)


def touched(files: Iterable[str]) -> list[str]:
    """The stacks that a change of these files (paths from the project's root) can change, in order."""
    changed = list(files)
    if any(path.startswith(EVERY_STACK) for path in changed):
        return list(ORDER)
    return [stack for stack in ORDER if f"Pulumi.{stack}.yaml" in changed]


def last_update(history: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest update of `pulumi stack history --json`; None where there is none since the stack was destroyed."""
    for entry in history:
        if entry["kind"] == "destroy" and entry["result"] == "succeeded":
            return None
        if entry["kind"] == "update":
            return {**entry, "config": entry["config"] or {}, "environment": entry["environment"] or {}}
    return None


def images(history: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The tiers' images as last deployed, by their key in the configuration; none before the first deployment.

    With them a canary's candidate and its share, where one runs.
    """
    update = last_update(history)
    found: dict[str, str] = {}
    for tier in TIERS:
        value = None if update is None else update["config"].get(f"journal:{tier}")
        if value is not None:
            section = json.loads(value["value"])
            release = section.get("release", {})
            running = {f"release.{key}": str(release[key]) for key in ("candidate", "share") if key in release}
            found |= {f"journal:{tier}.{key}": text for key, text in {"image": section["image"], **running}.items()}
    return found


def commit(history: Sequence[dict[str, Any]]) -> str:
    """The commit that was last deployed, 40 hex digits; empty when there is none."""
    update = last_update(history)
    return "" if update is None else update["environment"].get("git.head", "")


def comment(reports: dict[str, dict[str, str]], run: str, waiting: Collection[str] = ()) -> str:
    """Markdown of every stack's reports: text by file name (`PARTS`), by stack.

    run: the address of a pull request's run, in which every stack should have a preview; else empty.
    waiting: stacks whose preview, if there is none yet, waits for a reviewer.
    Fits into a GitHub comment; what is cut says so.
    """
    room = (COMMENT_LIMIT - 2_000) // max(1, sum(len(parts) for parts in reports.values()))

    def missing(stack: str) -> str:
        if stack in waiting:
            return f"`pulumi preview` waits until a reviewer of the environment `preview-{stack}` allows it."
        return "`pulumi preview` did not run: the run says why." if run else ""

    lines = [MARK, *(_section(stack, parts, room, missing(stack)) for stack, parts in reports.items())]
    if not reports:
        lines.append("No stack changes.")
    return "\n\n".join([*lines, f"[Everything in full]({run})"] if run else lines) + "\n"


def _section(stack: str, parts: dict[str, str], room: int, without_preview: str) -> str:
    blocks = [_part(name, parts[name], room) for name in PARTS if name in parts]
    if without_preview and "preview.txt" not in parts:
        blocks.insert(0, without_preview)
    return "\n\n".join([f"### {stack}", *(blocks or ["Nothing was reported: the run says why."])])


def _part(name: str, text: str, room: int) -> str:
    heading = PARTS[name]
    if name == "preview.txt":
        heading += f": {_verdict(text)}"
        body = fenced(_middle_cut(text.strip(), room - 500))
    else:
        body = _end_cut(text.strip(), room - 500) if text.strip() else "It failed: the run says why."
    return f"<details><summary>{_html_code(heading)}</summary>\n\n{body}\n\n</details>"


def _verdict(preview: str) -> str:
    """The counts at the end of a preview's text, in one line."""
    found = re.search(r"^Resources:\s*\n((?:^ +\S.*\n?)+)", preview, re.MULTILINE)
    return ", ".join(line.strip() for line in found[1].splitlines()) if found else "failed"


def _html_code(text: str) -> str:
    """GitHub reads no Markdown inside <summary>."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def fenced(text: str) -> str:
    """A code block whose fence is longer than any in the text, so that the text cannot end it."""
    fence = "`" * max(3, *(len(found) + 1 for found in _FENCE.findall(text)), 3)
    return f"{fence}text\n{text}\n{fence}"


def _middle_cut(text: str, room: int) -> str:
    """Its beginning and its end, where the counts are."""
    if len(text) <= room:
        return text
    cut = len(text) - room
    return f"{text[: room - 1_000]}\n… {cut} characters cut …\n{text[-1_000:]}"


def _end_cut(text: str, room: int) -> str:
    """Whole lines of Markdown from the beginning, with a code block or <details> that was open closed."""
    if len(text) <= room:
        return text
    kept = text[:room].rpartition("\n")[0]
    fences = _FENCE.findall(kept)
    closing = [fences[-1]] if len(fences) % 2 else []
    closing += ["</details>"] * (kept.count("<details>") - kept.count("</details>"))
    return "\n".join([kept, *closing, "", "… cut here …"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tools.ci", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    stacks = commands.add_parser("stacks", help="the stacks that HEAD changes, as a JSON list")
    stacks.add_argument("--base", required=True, help="the commit to compare with, from where HEAD branched off it")
    commands.add_parser("images", help="key=image of each tier, from `pulumi stack history --json` on stdin")
    commands.add_parser("commit", help="the commit last deployed, from `pulumi stack history --json` on stdin")
    report = commands.add_parser("comment", help="Markdown of a folder's reports, <stack>.<part>")
    report.add_argument("folder", type=Path, help=f"where the reports are; parts: {', '.join(PARTS)}")
    report.add_argument("--stacks", required=True, type=json.loads, help="a JSON list")
    report.add_argument("--run", default="", help="the address of the workflow's run")
    report.add_argument("--waiting", nargs="*", default=[], help="stacks whose preview needs a reviewer first")
    given = parser.parse_args(arguments)
    match given.command:
        case "stacks":
            print(json.dumps(touched(_changed_files(given.base))))
        case "images":
            print("".join(f"{key}={image}\n" for key, image in images(_history()).items()), end="")
        case "commit":
            print(commit(_history()))
        case "comment":
            reports = {stack: _read(given.folder, stack) for stack in given.stacks}
            print(comment(reports, given.run, given.waiting), end="")


def _history() -> list[dict[str, Any]]:
    try:
        history = json.load(sys.stdin)
    except json.JSONDecodeError:
        history = None
    if not isinstance(history, list) or not all(isinstance(e, dict) and e.keys() >= ENTRY for e in history):
        sys.exit("tools.ci: stdin holds no history; give it what `pulumi stack history --json` prints")
    return history


def _changed_files(base: str) -> list[str]:
    command = ["git", "diff", "--name-only", "--no-renames", "-z", f"{base}...HEAD"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"tools.ci: {done.stderr.strip()}")
    return done.stdout.split("\0")


def _read(folder: Path, stack: str) -> dict[str, str]:
    paths = {name: folder / f"{stack}.{name}" for name in PARTS}
    return {name: path.read_text() for name, path in paths.items() if path.is_file()}


if __name__ == "__main__":
    main()
