"""Runs small programs under a recorder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from tools.recording import Recorder, Run, run


def execute(
    program: Path | Callable[[], object], engine: Recorder | None = None, *, stack: str = "test", **options: Any
) -> tuple[Recorder, Run]:
    recorder = engine if engine is not None else Recorder()
    return recorder, run(program, recorder, project="journal", stack=stack, **options)


def config_map(name: str, opts: pulumi.ResourceOptions | None = None, **data: pulumi.Input[str]) -> ConfigMap:
    return ConfigMap(name, metadata=ObjectMetaArgs(name=name, namespace="n"), data=data, opts=opts)
