"""The documents: links that lead somewhere, and a README that names what there is."""

import re
from pathlib import Path

import pytest

from local.pulumi.programs import LEAST_CLI
from tests.conftest import ROOT
from tools import golang

SKIPPED = {".git", ".venv", ".state", "build", "node_modules"}
DOCUMENTS = sorted(
    path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts) and path.is_file()
)
CODE = re.compile(r"^(```|~~~).*?^\1$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(
    r"`((?:\.github|\.devcontainer|apps|components|docs|examples|local|policy|tests|tools)/[\w./-]*|Pulumi\.\w+\.yaml)`"
)
"""A file or folder of the project, in the way that prose names it."""
ELSEWHERE = ("https://", "http://", "mailto:")


def links(document: Path) -> list[str]:
    """Where the links and pictures of a document lead, code left out."""
    return LINK.findall(CODE.sub("", document.read_text()))


def anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub turns them into anchors."""
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(document: Path) -> list[str]:
    """The relative links of a document that lead nowhere."""
    found = []
    for link in links(document):
        if link.startswith(ELSEWHERE):
            continue
        path, _, anchor = link.partition("#")
        target = document if path == "" else (document.parent / path).resolve()
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def targets() -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert broken(document) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a](b.md)", []),
        ("[a](b.md#a-heading)", []),
        ("[a](#own)\n\n## Own\n", []),
        ("[a](https://example.com/none)", []),
        ("`[a](none.md)`\n\n```sh\n[a](none.md)\n```\n", []),
        ("![a](none.png)", ["none.png"]),
        ("[a](b.md#none)", ["b.md#none"]),
        ("[a](#none)", ["#none"]),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, wrong: list[str], tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# A heading\n")
    (tmp_path / "a.md").write_text(text)
    assert broken(tmp_path / "a.md") == wrong


def test_the_readme_is_short_and_begins_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) < 100
    named = re.findall(r"\bmake ([a-z-]+)", readme.partition("## Commands")[0])
    assert named[:2] == ["up", "test"]


def test_the_readme_names_every_target_and_no_other() -> None:
    assert set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text())) == targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_files_that_a_document_names_are_there(document: Path) -> None:
    named = PATH.findall(document.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_asks_make_for_is_there(document: Path) -> None:
    asked = re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", document.read_text(), re.MULTILINE)
    assert {first or second for first, second in asked} <= targets()


def test_the_pictures_of_the_readme_are_in_the_repository() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert pictures == ["docs/images/page.png", "docs/stacks/prod.svg"]


def test_the_documents_name_the_go_and_the_pulumi_that_are_needed() -> None:
    cluster, architecture = ((ROOT / "docs" / name).read_text() for name in ("local-cluster.md", "architecture.md"))
    go = golang.required((ROOT / "local/pulumi/programs/cli/go.mod").read_text())
    assert f"Go {go} or newer" in cluster
    assert f"`pulumi` on PATH where it is {LEAST_CLI.removesuffix('.0')} or newer" in " ".join(architecture.split())


def test_decisions_are_numbered_and_listed() -> None:
    folder = ROOT / "docs/decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert sorted(links(folder / "README.md")) == records
    for name in records:
        text = (folder / name).read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert re.search(r"^Status: \w", text, re.MULTILINE)
        assert len(text.splitlines()) <= 30
