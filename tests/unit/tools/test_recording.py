"""The recorder: what it keeps of each resource, what a program gets back, and how failures read."""

import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, Service
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_random import RandomPassword
from pydantic import BaseModel

from tests.conftest import ROOT
from tools.recording import ProgramError, Recorder, run
from tools.resource import UNKNOWN


def execute(
    program: Path | Callable[[], object], recorder: Recorder | None = None, *, stack: str = "test", **options: Any
) -> Recorder:
    return run(program, Recorder() if recorder is None else recorder, project="journal", stack=stack, **options)


def config_map(name: str, opts: pulumi.ResourceOptions | None = None, **data: pulumi.Input[str]) -> ConfigMap:
    return ConfigMap(name, metadata=ObjectMetaArgs(name=name, namespace="n"), data=data, opts=opts)


class Pair(pulumi.ComponentResource):
    """Two ConfigMaps, the second of the first's data."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:app:Pair", name, {}, opts)
        self.first = config_map(f"{name}-first", pulumi.ResourceOptions(parent=self), a="1")
        self.second = config_map(f"{name}-second", pulumi.ResourceOptions(parent=self), b=self.first.data["a"])
        self.register_outputs({"second": self.second})


def test_inputs_are_plain_and_secrets_are_paths() -> None:
    def program() -> None:
        texts = {"a": pulumi.Output.secret("x"), "b": "y"}
        Secret("s", metadata=ObjectMetaArgs(name="s"), string_data=texts, immutable=False)
        config_map("c", url=pulumi.Output.secret("redis://"), level="info")

    recorder = execute(program)
    secret = recorder.one("Secret")
    assert secret["stringData"] == {"a": "x", "b": "y"}
    assert secret["immutable"] is False
    assert ("stringData",) in secret.secrets
    assert recorder.one("ConfigMap").secrets == {("data", "url")}


def test_whole_numbers_are_whole() -> None:
    length = execute(lambda: RandomPassword("p", length=20, special=False)).one("RandomPassword")["length"]
    assert (length, type(length)) == (20, int)


def test_options_are_kept() -> None:
    def program() -> None:
        first = config_map("first", a="1")
        options = pulumi.ResourceOptions(
            depends_on=[first],
            protect=True,
            retain_on_delete=True,
            delete_before_replace=True,
            ignore_changes=["data"],
            aliases=[pulumi.Alias(name="older")],
        )
        config_map("second", options)

    recorder = execute(program)
    first, second = recorder.one("ConfigMap", "first"), recorder.one("ConfigMap", "second")
    assert second.dependencies == (first.urn,)
    assert second.protect
    assert second.retain_on_delete
    assert second.delete_before_replace
    assert second.ignore_changes == ("data",)
    assert second.aliases == ("urn:pulumi:test::journal::kubernetes:core/v1:ConfigMap::older",)
    assert not first.protect
    assert not first.aliases


def test_a_resource_knows_the_line_that_declares_it() -> None:
    file, _, line = execute(lambda: config_map("a")).one("ConfigMap").source.rpartition(":")
    assert file.endswith("test_recording.py")
    assert "ConfigMap(" in linecache.getline(str(ROOT / file), int(line))


def test_urns_are_those_of_pulumis_engine() -> None:
    recorder = execute(lambda: Pair("pair"))
    assert recorder.one("Pair").urn == "urn:pulumi:test::journal::test:app:Pair::pair"
    child = "urn:pulumi:test::journal::test:app:Pair$kubernetes:core/v1:ConfigMap::pair-first"
    assert recorder.one("ConfigMap", "pair-first").urn == child
    assert recorder.one("ConfigMap", "pair-first").parent == recorder.one("Pair").urn
    assert recorder.one("ConfigMap", "pair-first").stack == "test"


def test_the_types_of_all_parents_are_in_a_urn() -> None:
    def program() -> None:
        outer = pulumi.ComponentResource("test:app:Outer", "outer")
        Pair("pair", pulumi.ResourceOptions(parent=outer))

    found = execute(program).one("ConfigMap", "pair-first").urn
    assert found.endswith("::test:app:Outer$test:app:Pair$kubernetes:core/v1:ConfigMap::pair-first")


def test_dependencies_lead_through_components_and_providers() -> None:
    def program() -> None:
        provider = Provider("cluster", context="c")
        namespace = Namespace("n", metadata=ObjectMetaArgs(name="n"), opts=pulumi.ResourceOptions(provider=provider))
        pair = Pair("pair", pulumi.ResourceOptions(depends_on=[namespace]))
        config_map("last", pulumi.ResourceOptions(depends_on=[pair]))

    recorder = execute(program)
    last = recorder.one("ConfigMap", "last")
    before = {recorder.by_urn(urn).label for urn in recorder.dependencies_of(last)}
    assert before == {
        "Provider cluster", "Namespace n", "Pair pair", "ConfigMap pair-first", "ConfigMap pair-second"
    }  # fmt: skip
    assert recorder.one("Namespace").provider == recorder.one("Provider")
    assert last.provider is None


def test_an_input_says_which_resource_it_comes_from() -> None:
    recorder = execute(lambda: Pair("pair"))
    first, second = recorder.one("ConfigMap", "pair-first"), recorder.one("ConfigMap", "pair-second")
    assert second.property_dependencies["data"] == (first.urn,)
    assert second.property_dependencies["metadata"] == ()


def test_a_program_sees_what_a_test_has_a_resource_answer() -> None:
    def program() -> None:
        made = Service("s", metadata=ObjectMetaArgs(name="s"))
        pulumi.export("address", made.status.load_balancer.ingress[0].ip)
        pulumi.export("cluster", made.spec.cluster_ip)
        pulumi.export("id", made.id)

    def answer(inputs: Any) -> dict[str, Any]:
        address = {"ip": f"{inputs['metadata']['name']}.test"}
        return {"spec": {"clusterIP": "10.96.0.9"}, "status": {"loadBalancer": {"ingress": [address]}}}

    recorder = execute(program, Recorder(outputs={"Service": answer}))
    assert recorder.outputs == {"address": "s.test", "cluster": "10.96.0.9", "id": "s"}


def test_ids_and_arns_without_mocks_of_ones_own() -> None:
    recorder = execute(lambda: [config_map("a"), aws.kms.Key("key"), Pair("pair")])
    assert [recorder.one(kind, name).id for kind, name in (("ConfigMap", "a"), ("Key", "key"), ("Pair", "pair"))] == [
        "n/a", "key-id", ""
    ]  # fmt: skip


def test_secret_outputs_are_known_by_name() -> None:
    def program() -> None:
        pulumi.export("open", "1")
        pulumi.export("hidden", pulumi.Output.secret("2"))
        pulumi.export("derived", pulumi.Config().require_secret("password").apply(len))
        pulumi.export("computed", RandomPassword("p", length=8).result)

    recorder = Recorder(outputs={"RandomPassword": {"result": "x"}})
    execute(program, recorder, config={"password": "abc"}, secret_keys=["password"])
    assert recorder.outputs == {"open": "1", "hidden": "2", "derived": 3, "computed": "x"}
    assert recorder.secret_outputs == {"hidden", "derived", "computed"}


def test_configuration_of_every_type() -> None:
    def program() -> None:
        config = pulumi.Config()
        every = [config.require_int("n"), config.require_bool("b"), config.require_object("o"), config.get("none")]
        pulumi.export("all", every)
        pulumi.export("other", pulumi.Config("aws").require("region"))

    recorder = execute(program, config={"n": 3, "b": False, "o": {"k": [1]}, "aws:region": "eu-west-1"})
    assert recorder.outputs == {"all": [3, False, {"k": [1]}, None], "other": "eu-west-1"}


def test_runs_do_not_see_each_other() -> None:
    first = execute(lambda: (config_map("a"), pulumi.export("k", pulumi.Config().get("k"))), config={"k": "v"})
    second = execute(lambda: (config_map("a"), pulumi.export("k", pulumi.Config().get("k"))), stack="other")
    assert [first.outputs.get("k"), second.outputs.get("k")] == ["v", None]
    assert len(second.registrations) == 1
    assert second.one("ConfigMap").stack == "other"


def test_a_run_after_one_that_failed() -> None:
    with pytest.raises(ProgramError):
        execute(lambda: config_map("a", x="1").data.apply(lambda data: data["y"]))
    assert len(execute(lambda: config_map("a")).registrations) == 1


def test_resources_are_in_the_order_of_the_program() -> None:
    names = [f"c{number}" for number in range(30)]
    assert [r.name for r in execute(lambda: [config_map(name) for name in names]).registrations] == names


def test_warnings_can_be_errors() -> None:
    def program() -> None:
        pulumi.log.warn("deprecated")

    assert execute(program).warnings == ["deprecated"]
    with pytest.raises(ProgramError, match="deprecated"):
        execute(program, fail_on_warnings=True)


@pytest.mark.filterwarnings("ignore:coroutine")
def test_stack_references() -> None:
    def program() -> None:
        pulumi.export("x", pulumi.StackReference("organization/journal/shared").require_output("repository"))

    recorder = execute(program, Recorder(stacks={"organization/journal/shared": {"repository": "r"}}))
    assert recorder.outputs == {"x": "r"}
    assert recorder.one("StackReference").is_read
    with pytest.raises(ProgramError, match="stack 'organization/journal/shared', whose outputs are not at hand"):
        execute(program)


def test_a_preview_leaves_alone_what_depends_on_unknown_values() -> None:
    called = []

    def program() -> None:
        made = Service("s", metadata=ObjectMetaArgs(name="s"))
        address = made.status.apply(lambda status: called.append(status) or "known")
        config_map("c", address=address)
        pulumi.export("name", made.metadata.name)

    recorder = execute(program, preview=True)
    assert called == []
    assert recorder.one("ConfigMap")["data"] == {"address": UNKNOWN}
    assert recorder.outputs == {"name": "s"}


def test_one_says_what_there_is() -> None:
    recorder = execute(lambda: config_map("a"))
    with pytest.raises(LookupError, match=r"0 resources answer to 'ConfigMap b'; registered: ConfigMap a"):
        recorder.one("ConfigMap", "b")


def test_mocks_and_answers_of_a_test_exclude_each_other() -> None:
    with pytest.raises(TypeError, match="Give a Recorder mocks, or outputs and stacks"):
        Recorder(Recorder().mocks, outputs={"Key": {}})


def test_a_program_is_a_folder_with_its_modules(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_main.py").write_text("WORD = 'hello'\n")
    (tmp_path / "__main__.py").write_text(
        "import neighbour_of_main, pulumi\npulumi.export('w', neighbour_of_main.WORD)\n"
    )
    path = list(sys.path)
    assert execute(tmp_path).outputs == {"w": "hello"}
    assert sys.path == path


def test_a_bug_shows_the_programs_own_lines_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("def inner():\n    return {}['missing']\n\ninner()\n")
    with pytest.raises(ProgramError) as caught:
        execute(tmp_path)
    message = str(caught.value)
    assert message.startswith("The program failed.\n")
    assert f'{tmp_path}/__main__.py", line 2, in inner' in message
    assert message.endswith("KeyError: 'missing'")
    assert "runpy" not in message
    assert "site-packages" not in message
    assert "recording.py" not in message.replace("test_recording.py", "")


def test_a_bug_inside_apply_names_its_line() -> None:
    def program() -> None:
        config_map("a", x="1").data.apply(lambda data: data["y"])

    with pytest.raises(ProgramError, match=r"(?s)test_recording\.py.*KeyError: 'y'"):
        execute(program)


def test_errors_for_the_user_are_shown_as_they_are() -> None:
    class Settings(BaseModel):
        replicas: int

    def program() -> None:
        raise pulumi.RunError("replicas: 0 is too few")

    with pytest.raises(ProgramError) as caught:
        execute(program)
    assert str(caught.value) == "replicas: 0 is too few"
    with pytest.raises(ProgramError, match="1 validation error for Settings") as caught:
        execute(lambda: Settings.model_validate({"replicas": "many"}))
    assert "Traceback" not in str(caught.value)


def test_a_program_that_exits() -> None:
    def program() -> None:
        raise SystemExit(3)

    with pytest.raises(ProgramError, match="status 3"):
        execute(program)


def test_a_name_declared_twice_is_refused_and_both_places_are_named() -> None:
    with pytest.raises(
        ProgramError, match=r"ConfigMap a is declared twice, at \S+test_recording\.py:\d+ and at \S+:\d+\."
    ):
        execute(lambda: (config_map("a"), config_map("a")))


def test_a_function_of_a_provider_that_nobody_answers_is_named() -> None:
    with pytest.raises(ProgramError, match="The program calls aws:index/getCallerIdentity:getCallerIdentity"):
        execute(lambda: pulumi.export("me", aws.get_caller_identity_output().account_id))
