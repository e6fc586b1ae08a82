"""Messages for mistakes in a stack's settings: all at once, each with its key, its value and what to do."""

import difflib
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

import pulumi
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


class SettingsError(pulumi.RunError):
    """A stack's settings are wrong. The message lists every mistake, and Pulumi prints it without a traceback."""


def describe(error: ValidationError, model: type[BaseModel], namespace: str) -> str:
    """A heading with the number of mistakes, and a line for each."""
    lines = [_in_one_line(_line(details, model, namespace)) for details in error.errors()]
    return "\n".join([heading(len(lines)), *lines])


def heading(mistakes: int) -> str:
    """The first line of a message."""
    return f"{mistakes} mistake{'s' if mistakes > 1 else ''} in the stack's settings:"


def _in_one_line(text: str) -> str:
    """The text with line ends and other characters that nobody sees written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _line(details: ErrorDetails, model: type[BaseModel], namespace: str) -> str:
    path = ".".join(str(part) for part in details["loc"])
    key = f"{namespace}:{path}" if path else f"{namespace}:*"
    holder, description = _resolve(model, details["loc"])
    match details["type"]:
        case "extra_forbidden":
            return f"  {key}: unknown key{_suggestion(str(details['loc'][-1]), holder)}"
        case "missing":
            return f"  {key}: missing. {_first_sentence(description)}"
        case "value_error":
            message = str(details["ctx"]["error"]) if "ctx" in details else details["msg"]
            whole = isinstance(details["input"], dict)
            return f"  {key}: {message}" if whole else f"  {key} = {_show(details['input'])}: {message}"
        case _ if isinstance(details["input"], dict) and details["input"].keys() == {"secure"}:
            return f"  {key}: is encrypted, and only sentryDsn may be; set it without --secret"
        case "string_type" if isinstance(details["input"], bool | int | float | date):
            message = "is no valid string to YAML; put it in quotes"
            return f"  {key} = {_show(details['input'])}: {message}. {_first_sentence(description)}"
        case "model_type":
            message = "input should be a valid dictionary"
            return f"  {key} = {_show(details['input'])}: {message}. {_first_sentence(description)}"
        case "string_pattern_mismatch":
            return f"  {key} = {_show(details['input'])}: does not have its form. {_first_sentence(description)}"
        case _:
            message = details["msg"][0].lower() + details["msg"][1:]
            return f"  {key} = {_show(details['input'])}: {message}. {_first_sentence(description)}"


def _suggestion(key: str, holder: type[BaseModel] | None) -> str:
    if holder is None:
        return ""
    allowed = [field.alias or name for name, field in holder.model_fields.items()]
    near = difflib.get_close_matches(key, allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; allowed here: {', '.join(sorted(allowed))}"


def _resolve(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, str]:
    """The model that the last part of a location belongs to, and the description of the nearest field on the way."""
    holder, current, description = None, model, ""
    for part in location:
        if isinstance(part, int) or current is None:
            continue
        holder = current
        field = next((f for name, f in current.model_fields.items() if part in (f.alias, name)), None)
        if field is None:
            return holder, ""
        description = field.description or ""
        current = next(_models(field.annotation), None)
    return holder, description


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _first_sentence(description: str) -> str:
    """The part of a setting's description that says what the setting is; its details and links are left out."""
    return re.split(r"(?<=\.)\s", " ".join(description.split()))[0] or "See docs/settings.md."
