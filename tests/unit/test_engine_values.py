"""Random values, secrets in reports, Helm releases as declared, rendered manifests."""

import base64
import json
import os
import re
import stat
import string
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import ConfigMap, Secret
from pulumi_kubernetes.helm.v3 import Release
from pulumi_random import RandomPassword
from tools.recording.helm import Revision, release_of
from tools.recording.lock import is_dead, process_id
from tools.recording.random_values import RandomValues, characters
from tools.recording.report import Report

from tools.recording import Action, EngineError, Event, Registration, ResourceError, State, run
from tools.recording.objects import Ref
from tools.recording.renderer import Renderer
from tools.recording.values import MASK, UNKNOWN

URN = "urn:pulumi:s::p::random:index/randomPassword:RandomPassword::p"


def random(kind: str = "RandomPassword", aliases: tuple[str, ...] = (), urn: str = URN, **inputs: Any) -> Registration:
    return Registration(urn, f"random:index/x:{kind}", "p", inputs, aliases=aliases)


def test_a_value_is_kept_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "random.json"
    action, first = RandomValues(path).register(random(length=20), preview=False)
    assert (action, len(first.outputs["result"]), first.secret) == (Action.CREATE, 20, {"result"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    action, again = RandomValues(path).register(random(length=20), preview=False)
    assert (action, again) == (Action.SAME, first)
    action, longer = RandomValues(path).register(random(length=21), preview=False)
    assert (action, len(longer.outputs["result"])) == (Action.REPLACE, 21)
    action, kept = RandomValues(path).register(random(length=21, keepers={"a": "b"}), preview=False)
    assert action == Action.REPLACE
    assert kept.outputs["result"] != longer.outputs["result"]


def test_a_renamed_value_is_found_by_its_alias(tmp_path: Path) -> None:
    values = RandomValues(tmp_path / "r.json")
    _, first = values.register(random(length=20), preview=False)
    action, same = values.register(random(urn=f"{URN}2", aliases=(URN,), length=20), preview=False)
    assert (action, same.outputs) == (Action.SAME, first.outputs)
    assert values.all() == [f"{URN}2"]


def test_a_preview_makes_no_value(tmp_path: Path) -> None:
    action, planned = RandomValues(tmp_path / "r.json").register(random(length=20), preview=True)
    assert (action, planned.outputs["result"], planned.id) == (Action.CREATE, UNKNOWN, "")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_longer_declared_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    RandomValues(path).register(random(length=20), preview=False)
    values = RandomValues(path)
    assert values.unseen() == [URN]
    values.forget(URN)
    assert not path.exists()


def test_a_damaged_file_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"half')
    with pytest.raises(EngineError, match="can't be read"):
        RandomValues(path)
    assert path.read_text() == '{"half'


@pytest.mark.parametrize(
    ("inputs", "pattern"),
    [
        ({"special": False}, r"[A-Za-z0-9]{40}"),
        ({"special": False, "upper": False, "lower": False}, r"[0-9]{40}"),
        ({"special": False, "numeric": False}, r"[A-Za-z]{40}"),
        ({"overrideSpecial": "_", "upper": False, "lower": False, "numeric": False}, r"_{40}"),
    ],
)
def test_the_classes_of_characters(inputs: dict, pattern: str) -> None:
    assert re.fullmatch(pattern, characters({"length": 40, **inputs}))


def test_minima_are_kept() -> None:
    for _ in range(50):
        found = characters({"length": 8, "minLower": 2, "minUpper": 2, "minNumeric": 2, "minSpecial": 2})
        assert [
            sum(c in signs for c in found) for signs in (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        ] == [2, 2, 2]


@pytest.mark.parametrize(
    "inputs",
    [
        {"length": 0},
        {"length": 3, "minLower": 4},
        {"length": 8, "special": False, "upper": False, "lower": False, "numeric": False},
    ],
)
def test_impossible_values_are_refused(tmp_path: Path, inputs: dict) -> None:
    with pytest.raises(ResourceError, match="its inputs don't work: length"):
        RandomValues(tmp_path / "r.json").register(random(**inputs), preview=False)


def test_other_random_resources(tmp_path: Path) -> None:
    values = RandomValues(tmp_path / "r.json")
    _, made = values.register(random("RandomId", byteLength=8, prefix="x-"), preview=False)
    assert base64.urlsafe_b64decode(made.id + "=").hex() == made.outputs["hex"].removeprefix("x-")
    _, number = values.register(random("RandomInteger", urn=f"{URN}i", min=3, max=3), preview=False)
    assert number.outputs["result"] == 3
    with pytest.raises(ResourceError, match=r"isn't known to the embedded engine \(known: RandomBytes"):
        values.register(random("RandomPet", urn=f"{URN}x"), preview=False)


def test_a_report_hides_what_it_has_learnt() -> None:
    events: list[Event] = []
    report = Report(events.append)
    data = {"password": base64.b64encode(b"open sesame").decode()}
    report.learn_from(Registration(URN, "kubernetes:core/v1:Secret", "s", {"data": data}))
    report.learn_from(
        Registration(URN, "kubernetes:core/v1:ConfigMap", "c", {"a": {"b": ["hush"]}}, frozenset({("a", "b")}))
    )
    report.emit(
        URN, Action.UPDATE, State.WAITING, time.monotonic(), "no login with open sesame or hush", [("x", "hush", 1)]
    )
    assert events[0].detail == f"no login with {MASK} or {MASK}"
    assert events[0].diff == (("x", MASK, 1),)
    assert data["password"] not in report.redact(f"it is {data['password']}")


def test_a_dead_holder_of_the_lock() -> None:
    now = datetime.now(UTC)
    me = process_id(os.getpid())
    assert not is_dead(me, (now - timedelta(hours=1)).isoformat(), now)
    host, pid, start = me.split("/")
    assert is_dead(f"{host}/{pid}/{int(start) + 1}", now.isoformat(), now), "its number is used again"
    assert is_dead(f"{host}/4194999/1", now.isoformat(), now)
    assert not is_dead("elsewhere/1/1", (now - timedelta(seconds=5)).isoformat(), now)
    assert is_dead("elsewhere/1/1", (now - timedelta(seconds=60)).isoformat(), now)


def release(tmp_path: Path, **inputs: Any) -> Registration:
    (tmp_path / "chart").mkdir(exist_ok=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("name: c\n")
    inputs = {"chart": str(tmp_path / "chart"), "name": "n", "namespace": "ns", **inputs}
    return Registration(
        "urn:pulumi:s::p::kubernetes:helm.sh/v3:Release::n", "kubernetes:helm.sh/v3:Release", "n", inputs
    )


def test_a_release_changes_with_its_chart_values_and_arguments(tmp_path: Path) -> None:
    first = release_of(release(tmp_path, values={"a": 1})).digest()
    assert release_of(release(tmp_path, values={"a": 1})).digest() == first
    assert release_of(release(tmp_path, values={"a": 2})).digest() != first
    assert release_of(release(tmp_path, values={"a": 1}, skipCrds=True)).digest() != first
    (tmp_path / "chart" / "values.yaml").write_text("b: 1\n")
    assert release_of(release(tmp_path, values={"a": 1})).digest() != first


def test_what_a_release_may_not_say(tmp_path: Path) -> None:
    assert release_of(release(tmp_path, verify=False, postrender="")).name == "n"
    with pytest.raises(ResourceError, match="knows no postrender, verify of a Release"):
        release_of(release(tmp_path, verify=True, postrender="x"))
    with pytest.raises(ResourceError, match="there is no chart at"):
        release_of(release(tmp_path, chart=str(tmp_path / "none")))
    assert "--version" in release_of(release(tmp_path, chart="oci://x/y", version="1")).arguments


def test_the_workloads_of_a_release() -> None:
    manifest = """
---
# Source: x
apiVersion: v1
kind: ConfigMap
metadata:
  name: c
data: {kind: Deployment}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
---
apiVersion: apiextensions.k8s.io/v1
kind: "CustomResourceDefinition"
metadata:
  name: w.x.test
"""
    last = Revision(1, "deployed", {"manifest": manifest}, Ref("v1", "Secret", "ns", "s"))
    found = [(ref.kind, ref.namespace, ref.name) for ref in last.workloads()]
    assert found == [("Deployment", "ns", "d"), ("CustomResourceDefinition", "", "w.x.test")]


def program() -> None:
    password = RandomPassword("p", length=8)
    Secret("s", metadata={"name": "s", "namespace": "n"}, string_data={"a": "tell nobody", "b": password.result})
    ConfigMap("c", metadata={"name": "c", "namespace": "n"}, data={"url": pulumi.Output.secret("redis://tell-nobody")})
    Release("r", chart="oci://x/y", values={"key": pulumi.Output.secret("tell nobody either")})


def test_a_rendering_is_the_same_each_time_and_holds_no_secret(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        renderer = Renderer(outputs={"RandomPassword": {"result": "generated-secret"}})
        run(program, renderer, project="p", stack="s")
        paths = renderer.write(tmp_path / "out")
        texts.append({path.relative_to(tmp_path): path.read_text() for path in paths})
    assert texts[0] == texts[1]
    written = {"out/manifests/n-secret-s.yaml", "out/manifests/n-configmap-c.yaml", "out/resources.json"}
    assert {str(path) for path in texts[0]} == written
    whole = "".join(texts[0].values())
    for word in ("nobody", base64.b64encode(b"tell nobody").decode(), "generated"):
        assert word not in whole
    listed = json.loads((tmp_path / "out" / "resources.json").read_text())
    assert [r["name"] for r in listed] == ["c", "s", "r", "p"]


def test_a_rendering_overwrites_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(EngineError, match="something else than a rendering"):
        Renderer().write(tmp_path)
