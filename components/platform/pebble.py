"""Pebble, Let's Encrypt's ACME server for tests (https://github.com/letsencrypt/pebble)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    HostAliasArgs,
    ProbeArgs,
    Secret,
    SecretVolumeSourceArgs,
    TCPSocketActionArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from components import versions
from components.kubernetes import Namespace, Workload, WorkloadArgs, allow_from, allow_to, pods_in
from components.platform.cert_manager import SelfSigned
from components.settings import Resources

PORTS = {"acme": 14000, "management": 15000}
TLS_SECRET = "pebble-tls"  # noqa: S105
RESOURCES = Resources.model_validate({"cpu": "10m", "memory": "32Mi", "cpuLimit": "500m", "memoryLimit": "128Mi"})


def configuration() -> dict:
    """Pebble's configuration: it validates challenges at ports 80 and 443, and asks clients to retry after a second."""
    return {
        "pebble": {
            "listenAddress": f"0.0.0.0:{PORTS['acme']}",
            "managementListenAddress": f"0.0.0.0:{PORTS['management']}",
            "certificate": "/tls/tls.crt",
            "privateKey": "/tls/tls.key",
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "retryAfter": {"authz": 1, "order": 1},
            "profiles": {"default": {"description": "90 days", "validityPeriod": 7_776_000}},
        }
    }


@dataclass(kw_only=True)
class PebbleArgs:
    """A Pebble: whose requests it answers, and how it reaches the hosts that it validates.

    host_aliases: IP addresses, each once and with its hosts, for hosts that the cluster's DNS does not know.
    cert_manager: what exists once cert-manager takes issuers; it issues Pebble's own certificate.
    cert_manager_namespace: the namespace whose pods may order certificates.
    ingress_namespace: the namespace of the ingress controller, through which Pebble fetches challenges.
    """

    host_aliases: Sequence[tuple[pulumi.Input[str], Sequence[str]]]
    cert_manager: pulumi.Resource
    cert_manager_namespace: str
    ingress_namespace: str


class Pebble(SelfSigned):
    """A Pebble with a TLS certificate issued by cert-manager.

    ca_bundle: the CA certificate by which clients verify Pebble, in PEM, encoded in base64.
    """

    ca_bundle: pulumi.Output[str]

    def __init__(self, name: str, args: PebbleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Pebble", name, name, opts)
        self._args = args
        namespace = Namespace(name, opts=self._options())
        certificate = self._create_certificate(TLS_SECRET, depends_on=[namespace, args.cert_manager])
        secret = Secret.get(
            TLS_SECRET,
            certificate.id.apply(lambda _: f"{name}/{TLS_SECRET}"),
            opts=self._options(depends_on=[certificate]),
        )
        self.ca_bundle = pulumi.Output.unsecret(secret.data.apply(lambda data: (data or {}).get("ca.crt", "")))
        config = self._create_config(namespace)
        self._create_workload(config, depends_on=[config, certificate])
        self._create_service(PORTS, depends_on=[namespace])
        self.register_outputs({"ca_bundle": self.ca_bundle})

    def _create_config(self, namespace: Namespace) -> ConfigMap:
        return self._create_config_map(
            "config",
            {"pebble.json": json.dumps(configuration(), indent=2)},
            name=f"{self._name}-config",
            depends_on=[namespace],
        )

    def _create_workload(self, configuration: ConfigMap, depends_on: list[pulumi.Resource]) -> None:
        probe = ProbeArgs(tcp_socket=TCPSocketActionArgs(port="acme"), period_seconds=2)
        config = VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=configuration.metadata.name))
        tls = VolumeArgs(name="tls", secret=SecretVolumeSourceArgs(secret_name=TLS_SECRET, default_mode=0o440))
        Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=versions.PEBBLE_IMAGE,
                replicas=1,
                resources=RESOURCES,
                ports=PORTS,
                liveness=probe,
                readiness=probe,
                arguments=["-config", "/config/pebble.json"],
                environment={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
                volumes=[
                    (config, VolumeMountArgs(name="config", mount_path="/config", read_only=True)),
                    (tls, VolumeMountArgs(name="tls", mount_path="/tls", read_only=True)),
                ],
                host_aliases=[HostAliasArgs(ip=ip, hostnames=list(hosts)) for ip, hosts in self._args.host_aliases],
                ingress=[allow_from([pods_in(self._args.cert_manager_namespace)], "acme")],
                egress=[allow_to([pods_in(self._args.ingress_namespace)], 80, 443, 8000, 8443)],
            ),
            opts=self._options(depends_on=depends_on),
        )
