"""Changes of a stack's file that keep what people wrote in it: comments, quotes and order."""

import io
from collections.abc import MutableMapping
from typing import Any

from ruamel.yaml import YAML

Section = MutableMapping[str, Any]
"""A part of a stack's file; what is changed in it keeps the comments beside it."""


def load(text: str) -> Section:
    """A stack's file."""
    return _yaml().load(text)


def dump(file: Section) -> str:
    """The text of a stack's file."""
    text = io.StringIO()
    _yaml().dump(file, text)
    return text.getvalue()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
