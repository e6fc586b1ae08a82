"""cert-manager: its Helm release, the shapes of its values and resources, ACME issuers and certificates.

Names in the TypedDicts are cert-manager's own; they cover what is used here of version 1.21.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import ValidatingWebhookConfigurationPatch
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaPatchArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgs

from components import versions
from components.kubernetes import (
    KubernetesComponent,
    Namespace,
    allow_api_server,
    allow_collectors,
    allow_from,
    allow_to,
    network,
)

WEBHOOK_PORT = 10250
METRICS_PORT = 9402
"""Of the chart's pods; the container port is called `http-metrics`."""
ACME_PORTS = (80, 443, 8000, 8443, 14000)
"""Ports that cert-manager connects to: an ACME server's (443; Pebble's 14000), and those of the ingress controller for
the self check of a challenge (80 and 443 at its Service, 8000 and 8443 at its pods)."""
SOLVER_PORT = 8089
"""Container port of the pods in which cert-manager answers HTTP-01 challenges."""
SOLVER_LABELS = {"acme.cert-manager.io/http01-solver": "true"}
READY = {"pulumi.com/waitFor": "condition=Ready"}
"""Makes Pulumi wait until cert-manager reports the resource as ready."""
TRUSTED = {"pulumi.com/waitFor": "jsonpath={.webhooks[0].clientConfig.caBundle}"}
"""Makes Pulumi wait until the CA injector has written the webhook's CA. Before, the API server refuses every issuer."""


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


PRIVATE_KEY: PrivateKey = {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}
"""An ECDSA key on the curve P-256, and a new one at every renewal."""


class AcmeSpec(TypedDict):
    server: str
    email: str
    privateKeySecretRef: SecretRef
    solvers: list[Solver]
    caBundle: NotRequired[pulumi.Input[str]]


class CertificateSpec(TypedDict):
    """The spec of a cert-manager.io/v1 Certificate."""

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
"""Values of the Helm chart."""


@dataclass(kw_only=True)
class CertManagerArgs:
    """A cert-manager.

    chart: the Helm chart: an OCI address, or a local folder that holds the chart in the pinned version.
    replicas: the number of pods of the controller, of the webhook and of the CA injector.
    host_aliases: IP addresses, each once and with its hosts, for what the cluster's DNS does not know, as in `local`.
    fast_checks: repeats the self check of a challenge every second. Leave it off with a public ACME server.
    collectors: the networks from which its metrics are collected.
    """

    chart: str
    replicas: int
    host_aliases: Sequence[tuple[pulumi.Input[str], Sequence[str]]] = ()
    fast_checks: bool = False
    collectors: Sequence[str] = ()


def values(args: CertManagerArgs, namespace: str) -> Values:
    """The chart's values. `--dns01-check-retry-period` sets the time between self checks of HTTP-01 challenges too."""
    limits = Limits(requests={"cpu": "10m", "memory": "64Mi"}, limits={"cpu": "500m", "memory": "256Mi"})
    election = LeaderElection(namespace=namespace, leaseDuration="15s", renewDeadline="10s", retryPeriod="2s")
    return {
        "global": {"leaderElection": election},
        "crds": {"enabled": True, "keep": False},
        "replicaCount": args.replicas,
        "resources": limits,
        "hostAliases": [{"ip": address, "hostnames": list(hosts)} for address, hosts in args.host_aliases],
        "extraArgs": ["--dns01-check-retry-period=1s"] if args.fast_checks else [],
        "webhook": {
            "replicaCount": args.replicas,
            "resources": limits,
            "readinessProbe": {"initialDelaySeconds": 0, "periodSeconds": 1 if args.fast_checks else 5},
        },
        "cainjector": {"replicaCount": args.replicas, "resources": limits},
        "startupapicheck": {"enabled": False},
    }


class CertManager(KubernetesComponent):
    """cert-manager in a namespace of its own. Issuers and certificates can be created once `webhook` exists."""

    webhook: ValidatingWebhookConfigurationPatch

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:CertManager", name, name, opts)
        self._args = args
        namespace = Namespace(name, opts=self._options())
        policy = self._create_namespace_policy(namespace)
        self.webhook = self._await_webhook(self._create_release(depends_on=[namespace, policy]))
        self.register_outputs({})

    def _create_namespace_policy(self, namespace: Namespace) -> NetworkPolicy:
        anywhere = [network("0.0.0.0/0")]
        return NetworkPolicy(
            self._name,
            metadata=self._metadata(),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(),
                policy_types=["Ingress", "Egress"],
                ingress=[
                    allow_from(anywhere, WEBHOOK_PORT),
                    *allow_collectors(self._args.collectors, METRICS_PORT),
                ],
                egress=[allow_api_server(), allow_to(anywhere, *ACME_PORTS)],
            ),
            opts=self._options(depends_on=[namespace]),
        )

    def _create_release(self, depends_on: list[pulumi.Resource]) -> Release:
        chart = self._args.chart
        return Release(
            self._name,
            name=self._name,
            namespace=self._namespace,
            chart=chart,
            version=f"v{versions.CERT_MANAGER}" if "://" in chart else None,
            values=values(self._args, self._namespace),
            timeout=300,
            opts=self._options(depends_on=depends_on),
        )

    def _await_webhook(self, release: Release) -> ValidatingWebhookConfigurationPatch:
        """Helm awaits the pods only, and the injector's is ready at once. The patch adds the annotation alone."""
        name = f"{self._name}-webhook"
        return ValidatingWebhookConfigurationPatch(
            name,
            metadata=ObjectMetaPatchArgs(name=name, annotations=TRUSTED),
            opts=self._options(depends_on=[release]),
        )


class SelfSigned(KubernetesComponent):
    """The base of a component that serves HTTPS inside the cluster, with a certificate that is its own authority."""

    def _create_certificate(self, secret_name: str, depends_on: Sequence[pulumi.Resource]) -> CustomResource:
        """A certificate for the Service with the tier's name, kept in the Secret and renewed by cert-manager."""
        issuer = CustomResource(
            f"{self._name}-self-signed",
            api_version="cert-manager.io/v1",
            kind="Issuer",
            metadata=self._metadata("self-signed", annotations=READY),
            spec={"selfSigned": {}},
            opts=self._options(depends_on=list(depends_on)),
        )
        spec: CertificateSpec = {
            "secretName": secret_name,
            "dnsNames": [f"{self._name}.{self._namespace}.svc"],
            "issuerRef": {"kind": "Issuer", "name": "self-signed"},
            "privateKey": PRIVATE_KEY,
            "isCA": True,
        }
        return CustomResource(
            secret_name,
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata(secret_name, annotations=READY),
            spec=spec,
            opts=self._options(depends_on=[issuer]),
        )


@dataclass(kw_only=True)
class AcmeIssuerArgs:
    """An issuer: the ACME server that it asks, and its account there.

    server: the URL of the ACME directory.
    account: the name of the Secret that keeps the account's key. With another name, it registers another account.
    email: the contact address of the ACME account.
    ingress_class: the class of the ingress controller that answers challenges.
    ca_bundle: CA certificates that verify the server, PEM encoded in base64; by default the system's.
    """

    server: str
    account: str
    email: str
    ingress_class: str
    ca_bundle: pulumi.Input[str] | None = None


class AcmeIssuer(KubernetesComponent):
    """A ClusterIssuer that answers HTTP-01 challenges through the ingress controller.

    issuer: the issuer's name, known once it is ready.
    """

    issuer: pulumi.Output[str]

    def __init__(self, name: str, args: AcmeIssuerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:AcmeIssuer", name, "", opts)
        acme: AcmeSpec = {
            "server": args.server,
            "email": args.email,
            "privateKeySecretRef": {"name": args.account},
            "solvers": [{"http01": {"ingress": {"ingressClassName": args.ingress_class, "serviceType": "ClusterIP"}}}],
        }
        if args.ca_bundle is not None:
            acme["caBundle"] = args.ca_bundle
        cluster_issuer = CustomResource(
            name,
            api_version="cert-manager.io/v1",
            kind="ClusterIssuer",
            metadata=self._metadata(cluster_wide=True, annotations=READY),
            spec={"acme": acme},
            opts=self._options(),
        )
        self.issuer = cluster_issuer.id.apply(lambda _: name)
        self.register_outputs({"issuer": self.issuer})


@dataclass(kw_only=True)
class CertificateArgs:
    """A certificate: the hosts that it names, its issuer, and the name of the Secret that holds it."""

    namespace: str
    hosts: Sequence[str]
    issuer: pulumi.Input[str]
    secret_name: str


class Certificate(KubernetesComponent):
    """A certificate for some hosts, which cert-manager renews before it expires."""

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Certificate", name, args.namespace, opts)
        spec: CertificateSpec = {
            "secretName": args.secret_name,
            "dnsNames": list(args.hosts),
            "issuerRef": {"kind": "ClusterIssuer", "name": args.issuer},
            "privateKey": PRIVATE_KEY,
        }
        CustomResource(
            name,
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata(annotations=READY),
            spec=spec,
            opts=self._options(),
        )
        self.register_outputs({})
