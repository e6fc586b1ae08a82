"""Build the site: give every asset a name with its hash in it, point the pages there, compress."""

import argparse
import gzip
import hashlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

REFERENCE = re.compile(r"""(?P<start>["'](?:\./|/assets/))(?P<name>[\w-]+\.(?:js|css|svg))(?=["'])""")
HASHED = re.compile(r"(?P<stem>[\w-]+)\.[0-9a-f]{10}\.(?P<suffix>js|css|svg)")
PLACEHOLDER = re.compile(r"{{(\w+)}}")
FIRST_TIME, TIME_SPAN = 946_684_800, 2**29  # Seconds: from 2000 on, 17 years.


class BuildError(Exception):
    """What is wrong in the sources, and where."""


def references(text: str) -> set[str]:
    """The asset names that a file refers to."""
    return {match["name"] for match in REFERENCE.finditer(text)}


def with_hash(name: str, content: str) -> str:
    """`app.js` → `app.<hash>.js`, ten hex digits of the content's SHA-256."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content.encode()).hexdigest()[:10]}.{suffix}"


def point_to(names: dict[str, str], text: str) -> str:
    """The text with each reference replaced by the hashed name."""
    return REFERENCE.sub(lambda match: match["start"] + names[match["name"]], text)


def hash_assets(sources: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Hashed names by source name, and contents by hashed name. What is referred to is hashed first.

    Raises BuildError for a reference to a file that is not there, and for a circle.
    """
    names: dict[str, str] = {}
    contents: dict[str, str] = {}
    waiting = dict(sources)
    while waiting:
        ready = [name for name, text in waiting.items() if references(text) <= names.keys()]
        if not ready:
            wanted = {name: sorted(references(text) - names.keys()) for name, text in waiting.items()}
            raise BuildError(f"these assets refer to a missing file, or to each other in a circle: {wanted}")
        for name in ready:
            content = point_to(names, waiting.pop(name))
            names[name] = with_hash(name, content)
            contents[names[name]] = content
    return names, contents


def render_page(name: str, text: str, names: dict[str, str], values: dict[str, str]) -> str:
    """An HTML page with its placeholders filled and its references hashed. Raises BuildError for an unknown one."""
    unknown = (references(text) - names.keys()) | (set(PLACEHOLDER.findall(text)) - values.keys())
    if unknown:
        raise BuildError(f"{name} refers to {', '.join(sorted(unknown))}, which does not exist")
    return point_to(names, PLACEHOLDER.sub(lambda match: values[match[1]], text))


def module_preloads(names: dict[str, str]) -> str:
    """Links that let a browser fetch all modules at once instead of import by import."""
    modules = sorted(hashed for name, hashed in names.items() if name.endswith(".js"))
    return "\n".join(f'<link rel="modulepreload" href="/assets/{module}">' for module in modules)


def content_time(content: bytes) -> int:
    """A modification time made from the content: NGINX's ETag is time and size, so it changes with the content only."""
    return FIRST_TIME + int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % TIME_SPAN


def write(path: Path, content: str) -> None:
    """Write the file, and a compressed copy beside it where that is smaller."""
    data = content.encode()
    copies = {path: data, path.with_name(path.name + ".gz"): gzip.compress(data, 9, mtime=0)}
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    for target, body in copies.items():
        if target == path or len(body) < len(data):
            target.write_bytes(body)
            target.chmod(0o644)
            os.utime(target, (content_time(data), content_time(data)))


def read_all(paths: Iterable[Path]) -> dict[str, str]:
    """Text by file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(paths)}


def kept_assets(folder: Path, own: Iterable[str]) -> dict[str, str]:
    """Contents by hashed name of the assets of versions before, without what is this one's own too.

    Raises BuildError for a file whose name is not that of its content.
    """
    kept = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*")) if path.suffix != ".gz"}
    for name, content in kept.items():
        found = HASHED.fullmatch(name)
        if found is None or with_hash(f"{found['stem']}.{found['suffix']}", content) != name:
            raise BuildError(f"{folder / name} is no asset of a build: its name lacks the hash of its content")
    return {name: content for name, content in kept.items() if name not in set(own)}


def build(source: Path, target: Path, version: str, commit: str, previous: Path | None = None) -> None:
    """Build the folder `source` into `target`, which must be new or empty. Raises BuildError.

    previous: a folder with the assets of versions before, which pages loaded from them may still ask for.
    """
    pages = read_all(source.glob("*.html"))
    if not pages:
        raise BuildError(f"no pages (*.html) in {source}")
    if target.exists() and any(target.iterdir()):
        raise BuildError(f"{target} is not empty: name a new folder")
    names, contents = hash_assets(read_all((source / "assets").iterdir()))
    values = {"version": version, "commit": commit, "modules": module_preloads(names)}
    rendered = {name: render_page(name, text, names, values) for name, text in pages.items()}
    kept = {} if previous is None else kept_assets(previous, contents)
    for name, content in contents.items():
        write(target / "assets" / name, content)
    for name, content in kept.items():
        write(target / "previous" / "assets" / name, content)
    for name, content in rendered.items():
        write(target / name, content)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with the pages and, in assets/, what they use")
    parser.add_argument("target", type=Path, help="new folder for the built site")
    parser.add_argument("--version", required=True, help="shown in the page's footer")
    parser.add_argument("--commit", default="", help="shown beside the version")
    parser.add_argument("--previous", type=Path, help="folder with the assets of versions before; it may be missing")
    args = parser.parse_args()
    try:
        build(args.source, args.target, args.version, args.commit, args.previous)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
