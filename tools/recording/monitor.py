"""The SDK's mock monitor with an engine behind it: turns requests into registrations and answers with results."""

import os
import threading
import traceback
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import alias_pb2, resource_pb2

from tools.recording import values
from tools.recording.model import Engine, EngineError, Interrupted, Registration, ResourceError, Result

STACK, STACK_REFERENCE = "pulumi:pulumi:Stack", "pulumi:pulumi:StackReference"
SDK_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}lib{os.sep}python3")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def urn_of(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Pulumi's own URN: parent types are joined by `$`, the stack's own type is left out."""
    parent_type = parent.split("::")[2] if parent else STACK
    qualified = type_ if parent_type == STACK else f"{parent_type}${type_}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def seconds(duration: str) -> float:
    """A Go duration (`1h30m`, `90s`) in seconds. Raises ValueError."""
    total, number = 0.0, ""
    rest = duration.strip().replace("ms", "µ")
    for sign in rest:
        if sign.isdigit() or sign == ".":
            number += sign
        else:
            unit = "ms" if sign == "µ" else sign
            if unit not in UNITS or not number:
                raise ValueError(f"{duration!r} is no duration: write it like 90s, 10m or 1h30m")
            total, number = total + float(number) * UNITS[unit], ""
    if number or not rest:
        raise ValueError(f"{duration!r} is no duration: write it like 90s, 10m or 1h30m")
    return total


class _NoMocks(Mocks):
    """MockMonitor wants mocks; this monitor never calls them."""

    def call(self, args: MockCallArgs) -> tuple[dict, list[tuple[str, str]] | None]:
        raise AssertionError("the monitor answers by its engine")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict]:
        raise AssertionError("the monitor answers by its engine")


class Monitor(MockMonitor):
    """Called from worker threads. The first failure ends the run: what is registered after it isn't started."""

    def __init__(self, engine: Engine, project: str, stack: str, stacks: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(_NoMocks())
        self._engine, self._project, self._stack, self._stacks = engine, project, stack, stacks
        self._lock = threading.Lock()
        self._seen: dict[str, str] = {}
        self.registrations: list[Registration] = []
        self.failures: list[EngineError] = []
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: frozenset[str] = frozenset()

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        urn = urn_of(self._stack, self._project, request.parent, request.type, request.name)
        if request.type == STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        r = self._registration(urn, request)
        result = self._guarded(r, lambda: self._register(r, request))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=result.id, object=self._wire(r, result))

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        urn = urn_of(self._stack, self._project, request.parent, request.type, request.name)
        inputs, secrets = values.decode(request.properties)
        r = Registration(
            urn, request.type, request.name, inputs, secrets, request.parent, tuple(request.dependencies),
            provider=request.provider, read_id=request.id, source=_source(request.stackTrace),
        )  # fmt: skip
        result = self._guarded(r, lambda: self._read(r))
        return resource_pb2.ReadResourceResponse(urn=urn, id=result.id, properties=self._wire(r, result))

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        args, _ = values.decode(request.args)
        try:
            answer = values.encode(self._engine.call(request.tok, args))
        except EngineError as error:
            self._fail(error)
            raise
        fields: dict[str, Any] = {"return": answer}  # a keyword of Python
        return resource_pb2.ResourceInvokeResponse(**fields)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:
        if request.urn.split("::")[2] == STACK:
            self.outputs, secrets = values.decode(request.outputs)
            self.secret_outputs = frozenset(str(path[0]) for path in secrets)
        return values.Empty()

    def RegisterStackTransform(self, request: Any) -> Any:
        raise EngineError("The embedded engine runs no transforms. Use `transformations`, or ENGINE=pulumi.")

    def _registration(self, urn: str, request: resource_pb2.RegisterResourceRequest) -> Registration:
        inputs, secrets = values.decode(request.object)
        limits = request.customTimeouts
        timeouts = {k: seconds(v) for k in ("create", "update", "delete") if (v := getattr(limits, k))}
        return Registration(
            urn=urn, type=request.type, name=request.name, inputs=inputs, secrets=secrets, parent=request.parent,
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={k: tuple(sorted(v.urns)) for k, v in request.propertyDependencies.items()},
            provider=request.provider, providers=dict(request.providers), custom=request.custom,
            protect=request.protect, retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=tuple(request.ignoreChanges), replace_on_changes=tuple(request.replaceOnChanges),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            aliases=tuple(self._alias(a, request) for a in request.aliases), timeouts=timeouts, version=request.version,
            source=_source(request.stackTrace),
        )  # fmt: skip

    def _alias(self, alias: alias_pb2.Alias, request: resource_pb2.RegisterResourceRequest) -> str:
        if alias.urn:
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn if spec.parentUrn else request.parent
        names = (
            [spec.stack, self._stack],
            [spec.project, self._project],
            [spec.type, request.type],
            [spec.name, request.name],
        )
        stack, project, type_, name = (given if given else default for given, default in names)
        return urn_of(stack, project, parent, type_, name)

    def _register(self, r: Registration, request: resource_pb2.RegisterResourceRequest) -> Result:
        with self._lock:
            if r.urn in self._seen:
                raise ResourceError(
                    r, f"declared twice, first at {self._seen[r.urn]}", "Give one of the two another name."
                )
            self._seen[r.urn] = r.source
            self.registrations.append(r)
        if request.transforms:
            raise ResourceError(r, "the embedded engine runs no transforms", "Use `transformations`, or ENGINE=pulumi.")
        if request.remote:
            raise ResourceError(r, "the embedded engine knows no remote components", "Use ENGINE=pulumi.")
        return self._engine.register(r)

    def _read(self, r: Registration) -> Result:
        if r.type != STACK_REFERENCE:
            return self._engine.read(r)
        known = self._stacks.get(r.read_id, self._stacks.get(r.read_id.rsplit("/", 1)[-1]))
        if known is None:
            listed = ", ".join(sorted(self._stacks)) if self._stacks else "none"
            raise ResourceError(r, f"the outputs of stack {r.read_id!r} are not at hand (known: {listed})")
        return Result(r.read_id, {"name": r.read_id, "outputs": dict(known), "secretOutputNames": []})

    def _guarded(self, r: Registration, act: Any) -> Result:
        if self.failures:
            raise Interrupted(f"{r.label}: not started, since another resource failed")
        try:
            return act()
        except EngineError as error:
            self._fail(error)
            raise
        except Exception as error:
            self._fail(EngineError(f"{r.label}: the embedded engine has a bug.\n{traceback.format_exc()}"))
            raise EngineError(str(error)) from error

    def _fail(self, error: EngineError) -> None:
        with self._lock:
            self.failures.append(error)
        self._engine.stop()

    def _wire(self, r: Registration, result: Result) -> Any:
        marked = {str(p[0]) for p in r.secrets if p} | set(r.additional_secret_outputs) | result.secret
        self.resources[r.urn] = MockMonitor.ResourceRegistration(r.urn, result.id, result.outputs)
        return values.encode(result.outputs, marked)


def _source(trace: Any) -> str:
    """`file:line` of the innermost frame that belongs to the program."""
    for frame in trace.frames:
        path = unquote(urlsplit(frame.pc.uri).path)
        if path and not any(folder in path for folder in SDK_FOLDERS):
            return f"{os.path.relpath(path)}:{frame.pc.line}"
    return ""
