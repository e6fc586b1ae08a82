"""Running a program: what the engine is told, and what the program gets back."""

import linecache
import threading
import time

import pulumi
import pytest
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Namespace, Secret, Service
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_random import RandomPassword

from tests.conftest import ROOT
from tests.unit.engine_programs import config_map, execute
from tools.recording import EngineError, Recorder, Registration, ResourceError, Result
from tools.recording.monitor import seconds, urn_of


class Pair(pulumi.ComponentResource):
    """Two ConfigMaps, the second of the first's data."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:app:Pair", name, {}, opts)
        self.first = config_map(f"{name}-first", pulumi.ResourceOptions(parent=self), a="1")
        self.second = config_map(f"{name}-second", pulumi.ResourceOptions(parent=self), b=self.first.data["a"])
        self.register_outputs({"second": self.second})


def test_inputs_arrive_plain_and_secrets_as_paths() -> None:
    def program() -> None:
        Secret(
            "s",
            metadata=ObjectMetaArgs(name="s"),
            string_data={"a": pulumi.Output.secret("x"), "b": "y"},
            immutable=False,
        )

    recorded, _ = execute(program)
    secret = recorded.one("Secret")
    assert secret["stringData"] == {"a": "x", "b": "y"}
    assert secret["immutable"] is False
    assert ("stringData",) in secret.secrets


def test_numbers_keep_their_type() -> None:
    recorded, _ = execute(lambda: RandomPassword("p", length=20, special=False))
    assert recorded.one("RandomPassword").inputs["length"] == 20
    assert isinstance(recorded.one("RandomPassword").inputs["length"], int)


def test_options_reach_the_engine() -> None:
    def program() -> None:
        first = config_map("first", a="1")
        options = pulumi.ResourceOptions(
            depends_on=[first], protect=True, retain_on_delete=True, delete_before_replace=True,
            ignore_changes=["data"], aliases=[pulumi.Alias(name="older")],
            custom_timeouts=pulumi.CustomTimeouts(create="1m30s"),
        )  # fmt: skip
        config_map("second", options)

    recorded, _ = execute(program)
    first, second = recorded.one("ConfigMap", "first"), recorded.one("ConfigMap", "second")
    assert second.dependencies == (first.urn,)
    assert second.protect
    assert second.retain_on_delete
    assert second.delete_before_replace
    assert second.ignore_changes == ("data",)
    assert second.aliases == ("urn:pulumi:test::journal::kubernetes:core/v1:ConfigMap::older",)
    assert second.timeouts == {"create": 90.0}
    file, _, line = second.source.rpartition(":")
    assert file.endswith("engine_programs.py")
    assert "ConfigMap(" in linecache.getline(str(ROOT / file), int(line))


def test_urns_are_those_of_pulumis_own_engine() -> None:
    recorded, _ = execute(lambda: Pair("pair"))
    assert recorded.one("Pair").urn == "urn:pulumi:test::journal::test:app:Pair::pair"
    child = "urn:pulumi:test::journal::test:app:Pair$kubernetes:core/v1:ConfigMap::pair-first"
    assert recorded.one("ConfigMap", "pair-first").urn == child
    assert recorded.one("ConfigMap", "pair-first").parent == recorded.one("Pair").urn


def test_a_grandchild_has_all_types_in_its_urn() -> None:
    child = urn_of("s", "p", urn_of("s", "p", "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "a:b:C", "c"), "a:b:D", "d")
    assert child == "urn:pulumi:s::p::a:b:C$a:b:D::d"
    assert urn_of("s", "p", child, "x:y:Z", "z") == "urn:pulumi:s::p::a:b:C$a:b:D$x:y:Z::z"


def test_dependencies_lead_through_components_and_providers() -> None:
    def program() -> None:
        provider = Provider("cluster", context="c")
        namespace = Namespace("n", metadata=ObjectMetaArgs(name="n"), opts=pulumi.ResourceOptions(provider=provider))
        pair = Pair("pair", pulumi.ResourceOptions(depends_on=[namespace]))
        config_map("last", pulumi.ResourceOptions(depends_on=[pair]))

    recorded, _ = execute(program)
    before = recorded.dependencies_of(recorded.one("ConfigMap", "last"))
    for kind, name in [
        ("Provider", "cluster"),
        ("Namespace", "n"),
        ("ConfigMap", "pair-first"),
        ("ConfigMap", "pair-second"),
    ]:
        assert recorded.one(kind, name).urn in before
    assert recorded.one("ConfigMap", "last").urn not in before


def test_what_an_engine_answers_is_what_the_program_sees() -> None:
    service = {
        "Service": lambda r: {
            "spec": {"clusterIP": "10.96.0.9"},
            "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
        }
    }

    def program() -> None:
        made = Service("s", metadata=ObjectMetaArgs(name="s"))
        pulumi.export("address", made.status.load_balancer.ingress[0].ip)
        pulumi.export("cluster", made.spec.cluster_ip)
        pulumi.export("id", made.id)

    _, done = execute(program, Recorder(outputs=service))
    assert done.outputs == {"address": "1.2.3.4", "cluster": "10.96.0.9", "id": "s"}


def test_secret_outputs_are_known_by_name() -> None:
    def program() -> None:
        pulumi.export("open", "1")
        pulumi.export("hidden", pulumi.Output.secret("2"))
        pulumi.export("derived", pulumi.Config().require_secret("password").apply(len))

    _, done = execute(program, config={"password": "abc"}, secret_keys=["password"])
    assert done.outputs == {"open": "1", "hidden": "2", "derived": 3}
    assert done.secret_outputs == {"hidden", "derived"}


def test_configuration_of_every_type() -> None:
    def program() -> None:
        config = pulumi.Config()
        pulumi.export(
            "all", [config.require_int("n"), config.require_bool("b"), config.require_object("o"), config.get("none")]
        )
        pulumi.export("other", pulumi.Config("aws").require("region"))

    _, done = execute(program, config={"n": 3, "b": False, "o": {"k": [1]}, "aws:region": "eu-west-1"})
    assert done.outputs == {"all": [3, False, {"k": [1]}, None], "other": "eu-west-1"}


def test_runs_do_not_see_each_other() -> None:
    first, _ = execute(lambda: config_map("a"), config={"k": "v"})
    second, done = execute(lambda: (config_map("a"), pulumi.export("k", pulumi.Config().get("k"))), stack="other")
    assert len(first.registrations) == len(second.registrations) == 1
    assert done.outputs == {}
    assert "urn:pulumi:other::" in second.one("ConfigMap").urn


def test_a_name_declared_twice_is_refused() -> None:
    with pytest.raises(ResourceError, match="ConfigMap a: declared twice"):
        execute(lambda: (config_map("a"), config_map("a")))


class Slow(Recorder):
    """Answers once `expected` registrations are waiting at the same time."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self._all = threading.Barrier(expected)

    def register(self, r: Registration) -> Result:
        self._all.wait(timeout=20)
        return super().register(r)


def test_a_hundred_waits_go_on_at_once() -> None:
    start = time.monotonic()
    recorded, _ = execute(lambda: [config_map(f"c{i}") for i in range(100)], Slow(100))
    assert len(recorded.registrations) == 100
    assert time.monotonic() - start < 10


def test_warnings_can_be_errors() -> None:
    def program() -> None:
        pulumi.log.warn("deprecated")

    assert execute(program)[1].warnings == ["deprecated"]
    with pytest.raises(EngineError, match="deprecated"):
        execute(program, fail_on_warnings=True)


@pytest.mark.filterwarnings("ignore:coroutine")
def test_stack_references() -> None:
    def program() -> None:
        pulumi.export("x", pulumi.StackReference("organization/journal/shared").require_output("repository"))

    _, done = execute(program, stacks={"shared": {"repository": "r"}})
    assert done.outputs == {"x": "r"}
    with pytest.raises(ResourceError, match="outputs of stack 'organization/journal/shared' are not at hand"):
        execute(program)


def test_a_preview_leaves_alone_what_depends_on_unknown_values() -> None:
    called = []

    def program() -> None:
        made = Service("s", metadata=ObjectMetaArgs(name="s"))
        made.status.apply(called.append)
        pulumi.export("name", made.metadata.name)

    _, done = execute(program, preview=True)
    assert called == []
    assert done.outputs == {"name": "s"}


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("100ms", 0.1), ("0s", 0)])
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "10", "s", "10 parsecs", "-5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


def test_one_says_what_there_is() -> None:
    recorded, _ = execute(lambda: config_map("a"))
    with pytest.raises(LookupError, match=r"0 resources answer to 'ConfigMap b'; registered: ConfigMap a"):
        recorded.one("ConfigMap", "b")
