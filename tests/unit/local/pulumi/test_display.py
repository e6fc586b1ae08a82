"""What a person sees of the engine's events."""

from typing import Any

import pytest
from pulumi.automation import EngineEvent

from local.pulumi.display import WOULD_BE, Watcher, at, plain, steps_of
from tools.terminal import Steps, console

A = {"data": {"a": "1"}}
OBJECT, COMPONENT = "kubernetes:core/v1:ConfigMap", "journal:platform:Platform"


def urn(name: str, type_: str = OBJECT) -> str:
    return f"urn:pulumi:local::journal::{COMPONENT}${type_}::{name}"


def event(kind: str, op: str, name: str, type_: str = OBJECT, **metadata: Any) -> EngineEvent:
    """One of the engine's events, as its log has it."""
    state = {"type": type_, "urn": urn(name, type_), "custom": type_ != COMPONENT, "inputs": {}}
    sides = {"old": {**state, **metadata.pop("old", {})}, "new": {**state, **metadata.pop("new", {})}}
    about = {"op": op, "urn": urn(name, type_), "type": type_, **sides, **metadata}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: {"metadata": about}})


def said(message: str, name: str, severity: str) -> EngineEvent:
    about = {"urn": urn(name), "message": message, "severity": severity, "color": "raw"}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": about})


def watch(*events: EngineEvent) -> tuple[Watcher, str]:
    """The watcher after these events, and what it printed."""
    with Steps() as steps, steps.step("deploy") as step, console.capture() as printed:
        watcher = Watcher(step)
        for one in events:
            watcher(one)
    return watcher, printed.get()


@pytest.mark.parametrize(
    ("operations", "summary"),
    [
        (["same", "same"], "nothing to change (2 unchanged)"),
        (["create", "same", "delete"], "1 created, 1 deleted, 1 unchanged"),
        (["replace"], "1 replaced, 0 unchanged"),
    ],
)
def test_the_closing_line_of_a_run(operations: list[str], summary: str) -> None:
    events = [
        event(kind, op, str(number))
        for number, op in enumerate(operations)
        for kind in ("resourcePreEvent", "resOutputsEvent")
    ]
    assert watch(*events)[0].summary == summary


def test_what_a_refresh_finds_is_told_apart_from_what_a_run_does() -> None:
    found = [
        event(kind, "refresh", name, old={"inputs": before}, new={"inputs": after, "outputs": {"status": kind}})
        for name, before, after in (("kept", A, A), ("edited", A, {"data": {"a": "by hand"}}), ("read", {}, A))
        for kind in ("resourcePreEvent", "resOutputsEvent")
    ]
    watcher, printed = watch(*found)
    assert watcher.drift == ["edited"]
    assert watcher.changes == []
    assert watcher.summary == "1 found changed by others, 1 unchanged"
    assert "drifted ConfigMap edited" in printed
    gone = EngineEvent.from_json(
        {
            "sequence": 1,
            "timestamp": 1,
            "resOutputsEvent": {
                "metadata": {
                    "op": "refresh",
                    "urn": urn("gone"),
                    "type": OBJECT,
                    "old": {"inputs": A, "custom": True, "urn": urn("gone"), "type": OBJECT},
                }
            },
        }
    )
    assert watch(event("resourcePreEvent", "refresh", "gone"), gone)[0].drift == ["gone"]
    repaired = [*found, *(event("resOutputsEvent", op, name) for op, name in (("same", "kept"), ("update", "edited")))]
    assert watch(*repaired)[0].summary == "1 found changed by others, 1 updated, 1 unchanged"


def test_a_preview_speaks_of_what_would_be() -> None:
    events = [event("resOutputsEvent", op, op) for op in ("create", "update", "replace", "delete", "same")]
    said = "1 to create, 1 to update, 1 to replace, 1 to delete, 1 unchanged"
    assert watch(*events)[0].told(WOULD_BE) == said


def test_components_and_providers_are_neither_shown_nor_counted() -> None:
    watcher, printed = watch(
        event("resOutputsEvent", "create", "platform", COMPONENT),
        event("resOutputsEvent", "create", "cluster", "pulumi:providers:kubernetes"),
    )
    assert watcher.summary == "nothing to change (0 unchanged)"
    assert "platform" not in printed


def test_an_update_shows_each_property_with_its_old_and_new_value() -> None:
    changed = event(
        "resOutputsEvent",
        "update",
        "settings",
        old={"inputs": {"data": {"a.b": "1"}, "spec": {"list": [{"name": "x"}]}}},
        new={"inputs": {"data": {"a.b": "2"}, "spec": {"list": []}}},
        detailedDiff={'data["a.b"]': {"diffKind": "update"}, "spec.list[0].name": {"diffKind": "delete"}},
    )
    _, printed = watch(changed)
    assert 'data["a.b"]: 1 → 2' in printed
    assert "spec.list[0].name: x → (none)" in printed


def test_a_secret_is_shown_as_the_engine_masks_it() -> None:
    changed = event(
        "resOutputsEvent",
        "update",
        "auth",
        old={"inputs": {"stringData": {"password": "[secret]"}}},
        new={"inputs": {"stringData": {"password": "[secret]"}}},
        detailedDiff={"stringData.password": {"diffKind": "update"}},
    )
    assert "stringData.password: [secret] → [secret]" in watch(changed)[1]


def test_a_failed_resource_is_told_with_all_that_was_said_of_it() -> None:
    watcher, printed = watch(
        event("resourcePreEvent", "create", "web", new={"inputs": {"metadata": {"name": "web", "namespace": "n"}}}),
        said("<{%reset%}>no pod is ready<{%reset%}>", "web", "error"),
        event("resOpFailedEvent", "create", "web", new={"inputs": {"metadata": {"name": "web", "namespace": "n"}}}),
    )
    (failed,) = watcher.failed
    assert (failed.name, failed.messages) == ("web", ["no pod is ready"])
    assert failed.inputs["metadata"]["namespace"] == "n"
    assert "failed  ConfigMap web" in printed
    assert watcher.errors == []


def test_an_error_of_no_resource_is_kept() -> None:
    assert watch(said("the program failed", "stack", "error"))[0].errors == ["the program failed"]


@pytest.mark.parametrize(
    ("path", "steps"),
    [("a.b", ["a", "b"]), ('a["b.c"].d', ["a", "b.c", "d"]), ("a[0][1]", ["a", 0, 1]), ("a", ["a"])],
)
def test_property_paths(path: str, steps: list[str | int]) -> None:
    assert steps_of(path) == steps


def test_what_is_not_there_is_none() -> None:
    assert at({"a": [1]}, ["a", 0]) == 1
    assert at({"a": [1]}, ["a", 1]) is None
    assert at({"a": 1}, ["a", "b"]) is None


def test_colour_marks_are_left_out() -> None:
    assert plain("<{%fg 1%}>red<{%reset%}> word ") == "red word"
