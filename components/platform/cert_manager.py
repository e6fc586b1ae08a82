"""cert-manager by its Helm chart, in a namespace that denies by default."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgs

from components import versions
from components.base import KubernetesComponent
from components.namespace import Namespace
from components.platform.cert_manager_types import LeaderElection, Limits, Values
from components.policies import allow_api_server, allow_from, allow_to, network

WEBHOOK_PORT = 10250
ACME_PORTS = (80, 443, 8000, 8443, 14000)
"""An ACME server (443, Pebble's 14000) and the self check of a challenge, before and after the ingress Service."""


@dataclass(kw_only=True)
class CertManagerArgs:
    """What cert-manager needs to be told.

    chart: an OCI address, or a local folder that holds the chart in the pinned version.
    replicas: of the controller, the webhook and the CA injector each.
    host_aliases: (address, host) pairs that its own DNS lookups don't find, as in stack `local`.
    quick: repeat the self check of a challenge every second; for an ACME server that nobody has to spare.
    """

    chart: str
    replicas: int
    host_aliases: Sequence[tuple[pulumi.Input[str], str]] = ()
    quick: bool = False


def values(args: CertManagerArgs, namespace: str) -> Values:
    """The chart's values. The flag that names DNS-01 sets the pause between self checks of HTTP-01 too."""
    limits = Limits(requests={"cpu": "10m", "memory": "64Mi"}, limits={"cpu": "500m", "memory": "256Mi"})
    election = LeaderElection(namespace=namespace, leaseDuration="15s", renewDeadline="10s", retryPeriod="2s")
    return {
        "global": {"leaderElection": election},
        "crds": {"enabled": True, "keep": False},
        "replicaCount": args.replicas,
        "resources": limits,
        "hostAliases": [{"ip": address, "hostnames": [host]} for address, host in args.host_aliases],
        "extraArgs": ["--dns01-check-retry-period=1s"] if args.quick else [],
        "webhook": {
            "replicaCount": args.replicas,
            "resources": limits,
            "readinessProbe": {"initialDelaySeconds": 0, "periodSeconds": 1 if args.quick else 5},
        },
        "cainjector": {"replicaCount": args.replicas, "resources": limits},
        "startupapicheck": {"enabled": False},
    }


class CertManager(KubernetesComponent):
    """cert-manager. Issuers and certificates may be made once `release` is there, webhook included."""

    release: Release

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:CertManager", name, name, opts)
        self._args = args
        home = Namespace(name, opts=self._options())
        policy = self._create_namespace_policy(home)
        self.release = self._create_release(depends_on=[home, policy])
        self.register_outputs({})

    def _create_namespace_policy(self, home: Namespace) -> NetworkPolicy:
        anywhere = [network("0.0.0.0/0")]
        return NetworkPolicy(
            self._name,
            metadata=self._metadata(),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(),
                policy_types=["Ingress", "Egress"],
                ingress=[allow_from(anywhere, WEBHOOK_PORT)],
                egress=[allow_api_server(), allow_to(anywhere, *ACME_PORTS)],
            ),
            opts=self._options(depends_on=[home]),
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
