"""What the built pages refer to, and what they must not contain."""

import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

PAGES = ["index.html", "404.html", "error.html"]
HASHED = re.compile(r"^/assets/[\w-]+\.[0-9a-f]{10}\.(js|css|svg)$")


class Collector(HTMLParser):
    """Links, ids, and what a strict CSP would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "href"} and value is not None:
                self.links.append(value)
            if name == "id" and value is not None:
                self.ids.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)


def read(site: Path, page: str) -> Collector:
    collector = Collector()
    collector.feed((site / page).read_text())
    return collector


@pytest.mark.parametrize("page", PAGES)
def test_pages_refer_to_hashed_files_that_are_served(site: Path, client: httpx.Client, page: str) -> None:
    assets = [link for link in read(site, page).links if link not in {"/", "#entries"}]
    assert assets
    for link in assets:
        assert HASHED.match(link), link
        assert client.get(link).status_code == 200, link


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_nothing_inline(site: Path, page: str) -> None:
    assert read(site, page).inline == []


@pytest.mark.parametrize("page", PAGES)
def test_ids_are_unique(site: Path, page: str) -> None:
    ids = read(site, page).ids
    assert sorted(ids) == sorted(set(ids))


def test_every_asset_is_reached_from_the_page(site: Path) -> None:
    assets = {f"/assets/{path.name}" for path in (site / "assets").iterdir() if path.suffix != ".gz"}
    assert assets == {link for link in read(site, "index.html").links if link.startswith("/assets/")}


def test_every_id_that_the_modules_use_is_in_the_page(site: Path) -> None:
    used = {
        name
        for module in (site / "assets").glob("*.js")
        for name in re.findall(r'(?:byId|fromTemplate)\("([\w-]+)"\)', module.read_text())
    }
    assert used
    assert used <= set(read(site, "index.html").ids)


def test_every_template_is_used(site: Path) -> None:
    templates = re.findall(r'<template id="([\w-]+)">', (site / "index.html").read_text())
    modules = "".join(module.read_text() for module in (site / "assets").glob("*.js"))
    assert templates
    assert [name for name in templates if f'fromTemplate("{name}")' not in modules] == []


@pytest.mark.parametrize(
    "sink", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
)
def test_modules_put_no_text_in_as_markup(site: Path, sink: str) -> None:
    for module in (site / "assets").glob("*.js"):
        assert sink not in module.read_text(), module.name


def test_nothing_names_another_origin(site: Path) -> None:
    for path in site.rglob("*"):
        if path.suffix in {".html", ".js", ".css", ".svg"}:
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|[\"'(]//", text), path.name


def test_the_page_shows_its_version(site: Path) -> None:
    assert 'data-page-version="1.2.3"' in (site / "index.html").read_text()
    assert "{{" not in (site / "index.html").read_text()
