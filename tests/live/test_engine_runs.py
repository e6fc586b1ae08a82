"""The embedded engine on a real API: secrets, random values, refusals, and runs that were killed."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pulumi
import pulumi_aws
import pulumi_kubernetes as k8s
import pytest
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Secret
from pulumi_random import RandomPassword

from local.engine import EngineError, ProgramError, ResourceError, State
from local.engine.inventory import name_of
from local.engine.objects import Ref
from tests.live.engine_stack import Stack, counts

pytestmark = pytest.mark.live


def test_secrets_are_nowhere_to_be_seen(stack: Stack) -> None:
    def program(value: str) -> None:
        data = {"password": value}
        stack.make(Secret, "s", string_data=data)
        stack.config_map("c", {"url": pulumi.Output.secret(f"redis://:{value}@redis")})

    texts = []
    for value in ("correct horse", "battery staple"):
        for run in (stack.preview, stack.up):
            run(lambda value=value: program(value))
            texts += [repr(stack.events)]
    (update,) = [e for e in stack.events if e.name == "s" and e.state == State.DONE]
    assert update.diff == (("data.password", "[secret]", "[secret]"),)

    def refused() -> None:
        data = {"password": "battery staple"}
        meta = stack.metadata("s", labels={"a": pulumi.Output.secret("correct horse battery staple")})
        Secret("s", metadata=meta, string_data=data)

    with pytest.raises(ResourceError) as caught:
        stack.up(refused)
    texts += [str(caught.value), repr(stack.events)]
    inventory = stack.cluster.get(Ref("v1", "ConfigMap", "kube-system", name_of(stack.name)))
    texts += [repr(inventory)]
    for text in texts:
        for word in ("correct horse", "battery staple", "Y29ycmVjdCBob3JzZQ==", "YmF0dGVyeSBzdGFwbGU="):
            assert word not in text


def test_random_values_are_remembered_until_their_inputs_change(stack: Stack) -> None:
    def program(length: int, keeper: str) -> Callable[[], None]:
        return lambda: pulumi.export("p", RandomPassword("p", length=length, keepers={"k": keeper}).result)

    first = stack.up(program(20, "a")).outputs["p"]
    assert len(first) == 20
    (file,) = stack.target.state.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack.up(program(20, "a")).outputs["p"] == first
    second = stack.up(program(20, "b"))
    assert second.outputs["p"] != first
    assert counts(second.summary) == {"replace": 1}
    assert second.run.secret_outputs == {"p"}
    assert counts(stack.up(lambda: None).summary) == {"delete": 1}


def test_two_runs_at_once_are_refused(stack: Stack) -> None:
    def program() -> None:
        with pytest.raises(EngineError, match=f"Another run works on stack {stack.name}") as caught:
            stack.down()
        pulumi.export("said", str(caught.value))

    said = stack.up(program).outputs["said"]
    assert f"/{os.getpid()}/" in said


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (lambda stack: ConfigMap("a"), "ConfigMap a: has no metadata.name"),
        (lambda _: pulumi_aws.sqs.Queue("q"), "knows no type aws:sqs/queue:Queue"),
        (lambda _: k8s.yaml.v2.ConfigFile("f", file="x.yaml"), r"knows no remote components|no type kubernetes:yaml"),
        (lambda _: ConfigMap("a", metadata={"name": "a", "namespace": "no-such"}), r'namespaces "no-such" not found'),
        (lambda stack: ConfigMap.get("x", f"{stack.namespace}/nothing"), r"there is no ConfigMap .*/nothing to read"),
        (
            lambda stack: [
                stack.config_map("a", {}),
                ConfigMap("b", metadata=stack.metadata("a")),
            ],
            r"is declared twice",
        ),
        (
            lambda stack: stack.make(Deployment, "d", spec={"replicas": -1}),
            r"spec.replicas",
        ),
    ],
)
def test_what_cannot_be_done_is_said(stack: Stack, program: Callable[[Stack], object], said: str) -> None:
    with pytest.raises(ResourceError, match=said) as caught:
        stack.up(lambda: program(stack))
    assert not isinstance(caught.value, ProgramError)
    assert "declared at" in str(caught.value)


PROGRAM = """
    import sys, pulumi
    from pathlib import Path
    from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
    from pulumi_random import RandomPassword
    from local.engine import Target, up

    name, kubeconfig, state = sys.argv[1:]

    def program():
        last = Namespace(name, metadata={"name": name})
        password = RandomPassword("p", length=20)
        for i in range(20):
            meta = {"name": f"c{i}", "namespace": name}
            after = pulumi.ResourceOptions(depends_on=[last])
            last = ConfigMap(f"c{i}", metadata=meta, data={"p": password.result}, opts=after)

    print("ready", flush=True)
    target = Target(state=Path(state), kubeconfig=kubeconfig)
    up(program, target, project="test", stack="engine-test-api", on_event=lambda e: print(e.name, e.state, flush=True))
"""


@pytest.mark.parametrize("point", ["ready", "c0 started", "c5 done", "c10 started", "c18 done"])
def test_a_killed_run_can_be_run_again_and_nothing_is_forgotten(own: Stack, tmp_path: Path, point: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM))
    state = tmp_path / "state"
    command = [sys.executable, str(script), own.namespace, str(own.target.kubeconfig), str(state)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.strip() == point:
                first.send_signal(signal.SIGKILL)
                break
    made = own.cluster.list("v1", "ConfigMap", own.namespace, fields="metadata.name!=kube-root-ca.crt")
    assert len(made) < 20
    passwords = {m["data"]["p"] for m in made}

    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0, again.stderr
    own.target = replace(own.target, state=state)
    made = own.cluster.list("v1", "ConfigMap", own.namespace, fields="metadata.name!=kube-root-ca.crt")
    assert len(made) == 20
    now = {m["data"]["p"] for m in made}
    assert len(now) == 1
    assert passwords <= now
    assert counts(own.down()) == {"delete": 22}
    assert own.cluster.list("v1", "ConfigMap", own.namespace) == []
