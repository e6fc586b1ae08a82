"""The Gateway API: the definitions of its kinds, and the shapes of those of its resources that are used here.

Names in the TypedDicts are the Gateway API's own, of the version in components/versions.py.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs
from pulumi_kubernetes.yaml.v2 import ConfigGroup

from components.kubernetes import Backend

GROUP = "gateway.networking.k8s.io"
API_VERSION = f"{GROUP}/v1"
KINDS = ("gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants", "backendtlspolicies")
"""What Traefik watches: it takes no route until all of them are there (its pkg/provider/kubernetes/gateway)."""
VERSION_HEADER = "X-Release"
"""The header by which a request asks for a version: `current` or `candidate`."""
SERVICE_PORT = 80
PROGRAMMED = {"pulumi.com/waitFor": "condition=Programmed"}
"""Makes Pulumi wait until the controller has taken over the Gateway."""
ACCEPTED = {"pulumi.com/waitFor": "jsonpath={.status.parents[0].conditions[?(@.type=='Accepted')].status}=True"}
"""Makes Pulumi wait until the controller has taken over the route."""


class GatewayClassSpec(TypedDict):
    controllerName: str


class SecretRef(TypedDict):
    group: str
    kind: str
    name: str


class ListenerTls(TypedDict):
    mode: str
    certificateRefs: list[SecretRef]


class RouteKind(TypedDict):
    group: str
    kind: str


class AllowedRoutes(TypedDict):
    kinds: list[RouteKind]


class Listener(TypedDict):
    name: str
    protocol: str
    port: int
    hostname: str
    tls: ListenerTls
    allowedRoutes: AllowedRoutes


class GatewaySpec(TypedDict):
    gatewayClassName: pulumi.Input[str]
    listeners: list[Listener]


class ParentRef(TypedDict):
    name: str


class PathMatch(TypedDict):
    type: str
    value: str


class HeaderMatch(TypedDict):
    name: str
    value: str


class RouteMatch(TypedDict):
    path: PathMatch
    headers: NotRequired[list[HeaderMatch]]


class BackendRef(TypedDict):
    name: str
    port: int
    weight: NotRequired[int]


class RouteRule(TypedDict):
    matches: list[RouteMatch]
    backendRefs: list[BackendRef]


class HttpRouteSpec(TypedDict):
    parentRefs: list[ParentRef]
    hostnames: list[str]
    rules: list[RouteRule]


def create_definitions(folder: str, opts: pulumi.ResourceOptions) -> ConfigGroup:
    """The definitions of the kinds, from a folder or the URL of one."""
    files = [f"{folder}/{GROUP}_{kind}.yaml" for kind in KINDS]
    return ConfigGroup("gateway-api", files=files, opts=opts)


def gateway_spec(class_name: pulumi.Input[str], port: int, hosts: Sequence[str], secret: str) -> GatewaySpec:
    """A Gateway that serves hosts over HTTPS by one certificate, and takes routes of its own namespace."""
    names = ["https", *(f"https-{number}" for number in range(1, len(hosts)))]
    listeners = [_listener(name, port, host, secret) for name, host in zip(names, hosts, strict=True)]
    return {"gatewayClassName": class_name, "listeners": listeners}


def _listener(name: str, port: int, host: str, secret: str) -> Listener:
    return {
        "name": name,
        "protocol": "HTTPS",
        "port": port,
        "hostname": host,
        "tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": secret}]},
        "allowedRoutes": {"kinds": [{"group": GROUP, "kind": "HTTPRoute"}]},
    }


def route_spec(gateway: str, host: str, paths: Mapping[str, Backend]) -> HttpRouteSpec:
    """The route of one host: the longest prefix wins, and of two of one length the one with a header."""
    rules = [rule for prefix, backend in paths.items() for rule in _rules(prefix, backend)]
    return {"parentRefs": [{"name": gateway}], "hostnames": [host], "rules": rules}


def _rules(prefix: str, backend: Backend) -> Sequence[RouteRule]:
    path: PathMatch = {"type": "PathPrefix", "value": prefix}
    asked: list[RouteRule] = [
        {
            "matches": [{"path": path, "headers": [{"name": VERSION_HEADER, "value": version}]}],
            "backendRefs": [{"name": service, "port": SERVICE_PORT}],
        }
        for version, service in backend.versions.items()
    ]
    shares: list[BackendRef] = [
        {"name": service, "port": SERVICE_PORT, "weight": weight} for service, weight in backend.weights.items()
    ]
    every: RouteRule = {
        "matches": [{"path": path}],
        "backendRefs": shares or [{"name": backend.service, "port": SERVICE_PORT}],
    }
    return [*asked, every]


def cluster_rules() -> list[PolicyRuleArgs]:
    """The further rights that Traefik needs in the whole cluster."""
    return [
        PolicyRuleArgs(api_groups=[""], resources=["namespaces"], verbs=["list", "watch"]),
        PolicyRuleArgs(api_groups=[GROUP], resources=["gatewayclasses"], verbs=["list", "watch"]),
        PolicyRuleArgs(api_groups=[GROUP], resources=["gatewayclasses/status"], verbs=["update"]),
    ]


def namespace_rules() -> list[PolicyRuleArgs]:
    """The further rights that Traefik needs in each namespace with routes."""
    watched = [kind for kind in KINDS if kind != "gatewayclasses"]
    return [
        PolicyRuleArgs(api_groups=[""], resources=["configmaps"], verbs=["list", "watch"]),
        PolicyRuleArgs(api_groups=[GROUP], resources=watched, verbs=["list", "watch"]),
        PolicyRuleArgs(api_groups=[GROUP], resources=["gateways/status", "httproutes/status"], verbs=["update"]),
    ]
