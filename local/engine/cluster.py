"""A Kubernetes API as this engine needs it: which kinds there are, get, list, apply, delete, watch."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError

from local.engine.model import EngineError
from local.engine.objects import Object, Ref

MANAGER = "journal-engine"
CONNECTIONS = 256
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
# What passes by itself: the API server restarts, etcd is slow, a webhook's pod isn't there yet.
PASSING = (
    "failed calling webhook",
    "etcdserver:",
    "request timed out",
    "no endpoints available",
    "leader changed",
    "before all known HTTP paths",
)
PATIENCE = 60.0
FIRST_PATIENCE = 5.0
CONNECT, ANSWER = 3.0, 35.0  # a webhook may take 30 s


class ApiError(Exception):
    """An answer other than success. status: HTTP's; reason and causes: of the Status object."""

    def __init__(self, status: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        self.status, self.reason, self.message, self.causes = status, reason, message, causes
        super().__init__(message)


class KindMissing(ApiError):
    """The API serves no such kind: its CRD isn't there."""


@dataclass(frozen=True)
class Kind:
    """Where objects of one kind are found."""

    api_version: str
    name: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")


def is_content(kubeconfig: str | Path | None) -> bool:
    """Whether this is a kubeconfig's content, YAML or JSON, and no path."""
    return isinstance(kubeconfig, str) and ("\n" in kubeconfig.strip() or kubeconfig.lstrip().startswith("{"))


class Cluster:
    """kubeconfig: a path or the content itself; None is kubectl's default. Raises EngineError when it can't be used."""

    def __init__(self, kubeconfig: str | Path | None = None, context: str | None = None) -> None:
        settings = client.Configuration()
        settings.connection_pool_maxsize = CONNECTIONS
        settings.retries = False
        try:
            if is_content(kubeconfig):
                content = yaml.safe_load(str(kubeconfig))
                config.load_kube_config_from_dict(content, context=context, client_configuration=settings)
            else:
                path = None if kubeconfig is None else str(Path(kubeconfig).expanduser())
                config.load_kube_config(path, context=context, client_configuration=settings)
        except (config.ConfigException, OSError, yaml.YAMLError) as error:
            raise EngineError(f"The kubeconfig can't be used: {error}") from error
        self.kubeconfig, self.context, self.server = kubeconfig, context, str(settings.host)
        self._client = DynamicClient(client.ApiClient(settings), discoverer=lambda _client, _cache: None)
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._read, self._lock = 0.0, threading.Lock()
        self._spoken = False

    def close(self) -> None:
        self._client.client.rest_client.close()

    def kind(self, api_version: str, kind: str, patience: float = 0.0) -> Kind:
        """patience: seconds to wait for a kind that a CRD has just brought. Raises KindMissing."""
        end = time.monotonic() + patience
        while True:
            asked = time.monotonic()
            if (found := self._kinds.get((api_version, kind))) is not None:
                return found
            self._discover(asked)
            if (api_version, kind) not in self._kinds:
                if asked >= end:
                    message = f"the cluster serves no kind {kind} in {api_version}: the CRD for it isn't installed"
                    raise KindMissing(404, "NotFound", message)
                time.sleep(0.2)

    def _discover(self, asked: float) -> None:
        with self._lock:
            if self._read >= asked:
                return
            self._read = time.monotonic()
            for root in ("/api", "/apis"):
                for group in self.request("get", root, header_params={"Accept": DISCOVERY})["items"]:
                    self._add(group)

    def _add(self, group: dict[str, Any]) -> None:
        name = group["metadata"].get("name", "")
        for version in group["versions"]:
            api_version = f"{name}/{version['version']}" if name else version["version"]
            for found in version.get("resources", []):
                kind, scope = found["responseKind"]["kind"], found["scope"]
                self._kinds[api_version, kind] = Kind(api_version, kind, found["resource"], scope == "Namespaced")

    def get(self, ref: Ref) -> Object | None:
        try:
            return self.request("get", self._path(ref))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, namespace: str = "", labels: str = "", fields: str = ""
    ) -> list[Object]:
        path = self.kind(api_version, kind).path(namespace)
        found = self.request("get", path, label_selector=labels or None, field_selector=fields or None)
        return [{"apiVersion": api_version, "kind": kind, **item} for item in found["items"]]

    def apply(self, ref: Ref, body: Object, *, force: bool, dry_run: bool = False) -> Object:
        return self.request(
            "patch", self._path(ref), body=body, content_type="application/apply-patch+yaml", field_manager=MANAGER,
            force_conflicts=force, dry_run="All" if dry_run else None,
        )  # fmt: skip

    def create(self, ref: Ref, body: Object, *, dry_run: bool = False) -> Object:
        path = self.kind(ref.api_version, ref.kind).path(ref.namespace)
        return self.request("post", path, body=body, field_manager=MANAGER, dry_run="All" if dry_run else None)

    def replace(self, ref: Ref, body: Object) -> Object:
        """Fails with 409 when the object's resourceVersion is another by now."""
        return self.request("put", self._path(ref), body=body, field_manager=MANAGER)

    def delete(self, ref: Ref, uid: str = "", propagation: str = "Background") -> None:
        """Ask for deletion of this very object; it may take time. Nothing to delete is no error."""
        options: Object = {"propagationPolicy": propagation} | ({"preconditions": {"uid": uid}} if uid else {})
        try:
            self.request("delete", self._path(ref), body=options)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool, lines: int) -> str:
        query = [("container", container), ("previous", str(previous).lower()), ("tailLines", str(lines))]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        return self._request("get", path, query_params=query).decode(errors="replace")

    def watch(self, ref: Ref, version: str, seconds: float) -> Iterator[tuple[str, Object]]:
        """(ADDED, MODIFIED or DELETED; object) as it happens, for some seconds; less when the version is too old."""
        path = self.kind(ref.api_version, ref.kind).path(ref.namespace)
        try:
            answer = self._client.request(
                "get", path, field_selector=f"metadata.name={ref.name}", resource_version=version, watch=True,
                timeout_seconds=max(1, round(seconds)), serialize=False, _request_timeout=(CONNECT, seconds + 10),
            )  # fmt: skip
            try:
                for line in answer:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    yield event["type"], event["object"]
            finally:
                answer.close()
        except (DynamicApiError, urllib3.exceptions.HTTPError, ValueError):
            time.sleep(0.1)

    def _path(self, ref: Ref) -> str:
        return self.kind(ref.api_version, ref.kind).path(ref.namespace, ref.name)

    def request(self, method: str, path: str, **options: Any) -> Object:
        return json.loads(self._request(method, path, **options))

    def _request(self, method: str, path: str, **options: Any) -> bytes:
        begun, pause = time.monotonic(), 0.1
        while True:
            try:
                limits = CONNECT, ANSWER
                answer = self._client.request(method, path, serialize=False, _request_timeout=limits, **options).data
                self._spoken = True
                return answer
            except DynamicApiError as error:
                refusal = _api_error(error)
                if refusal.status == 0:
                    raise EngineError(
                        f"No trusted connection to the Kubernetes API at {self.server}: {refusal.message.strip()}\n"
                        "  The kubeconfig is of another cluster, or of one that has been made anew."
                    ) from None
                again = refusal.status == 429 or (refusal.status >= 500 and any(p in refusal.message for p in PASSING))
                if not again or time.monotonic() > begun + PATIENCE:
                    raise refusal from None
            except urllib3.exceptions.HTTPError as error:
                if time.monotonic() > begun + (PATIENCE if self._spoken else FIRST_PATIENCE):
                    raise EngineError(
                        f"The Kubernetes API at {self.server} doesn't answer ({type(error).__name__}).\n"
                        "  Is the cluster running? `make status` tells; `make up` starts it."
                    ) from error
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)


def _api_error(error: DynamicApiError) -> ApiError:
    status = 0 if error.status is None else error.status
    try:
        said = json.loads(str(error.body))
        details = said.get("details") or {}
        causes = tuple(c.get("message", "") for c in details.get("causes", []))
        return ApiError(status, said.get("reason", ""), said.get("message", ""), causes)
    except (ValueError, AttributeError):
        return ApiError(status, str(error.reason), str(error.body if error.body else error.reason))
