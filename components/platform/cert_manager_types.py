"""The shapes that cert-manager 1.21 takes, as far as they are used here; the names are cert-manager's own."""

from typing import NotRequired, TypedDict

import pulumi


class SecretRef(TypedDict):
    name: str


class IssuerRef(TypedDict):
    kind: str
    name: pulumi.Input[str]


class HttpIngress(TypedDict):
    ingressClassName: str
    serviceType: str


class Http01(TypedDict):
    ingress: HttpIngress


class Solver(TypedDict):
    http01: Http01


class PrivateKey(TypedDict):
    algorithm: str
    size: int
    rotationPolicy: str


class AcmeSpec(TypedDict):
    server: str
    email: str
    privateKeySecretRef: SecretRef
    solvers: list[Solver]
    caBundle: NotRequired[pulumi.Input[str]]


class CertificateSpec(TypedDict):
    """cert-manager.io/v1 Certificate, as far as it is used here."""

    secretName: str
    dnsNames: list[str]
    issuerRef: IssuerRef
    privateKey: PrivateKey
    isCA: NotRequired[bool]


class Crds(TypedDict):
    enabled: bool
    keep: bool


class HostAlias(TypedDict):
    ip: pulumi.Input[str]
    hostnames: list[str]


class Limits(TypedDict):
    requests: dict[str, str]
    limits: dict[str, str]


class LeaderElection(TypedDict):
    namespace: str
    leaseDuration: str
    renewDeadline: str
    retryPeriod: str


class Global(TypedDict):
    leaderElection: LeaderElection


class Probe(TypedDict):
    initialDelaySeconds: int
    periodSeconds: int


class Webhook(TypedDict):
    replicaCount: int
    resources: Limits
    readinessProbe: Probe


class Cainjector(TypedDict):
    replicaCount: int
    resources: Limits


class Enabled(TypedDict):
    enabled: bool


Values = TypedDict(
    "Values",
    {
        "global": Global,
        "crds": Crds,
        "replicaCount": int,
        "resources": Limits,
        "hostAliases": list[HostAlias],
        "extraArgs": list[str],
        "webhook": Webhook,
        "cainjector": Cainjector,
        "startupapicheck": Enabled,
    },
)
"""The chart's values that are set here, under the chart's own names."""
