"""Pebble, Let's Encrypt's own test server: the ACME server of stack `local`."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    HostAliasArgs,
    ProbeArgs,
    Secret,
    SecretVolumeSourceArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    TCPSocketActionArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from components import versions
from components.base import KubernetesComponent, selector_labels
from components.namespace import Namespace
from components.platform.acme import READY, private_key
from components.platform.cert_manager_types import CertificateSpec
from components.policies import allow_from, allow_to, namespace
from components.settings import Resources
from components.workload import Workload, WorkloadArgs

PORTS = {"acme": 14000, "management": 15000}
TLS_SECRET = "pebble-tls"  # noqa: S105
RESOURCES = Resources.model_validate({"cpu": "10m", "memory": "32Mi", "cpuLimit": "500m", "memoryLimit": "128Mi"})


def configuration() -> dict:
    """Pebble's configuration: validate at the ports of the world, and answer at once."""
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


class Pebble(KubernetesComponent):
    """Pebble with a TLS certificate of cert-manager's; `ca_bundle` vouches for it (PEM in base64)."""

    ca_bundle: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        host_aliases: Sequence[tuple[pulumi.Input[str], str]],
        cert_manager: pulumi.Resource,
        ingress_namespace: str,
        cert_manager_namespace: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("platform:Pebble", name, name, opts)
        home = Namespace(name, opts=self._options())
        certificate = self._create_certificate(depends_on=[home, cert_manager])
        secret = Secret.get(
            TLS_SECRET,
            certificate.id.apply(lambda _: f"{name}/{TLS_SECRET}"),
            opts=self._options(depends_on=[certificate]),
        )
        self.ca_bundle = pulumi.Output.unsecret(secret.data.apply(lambda data: (data or {}).get("ca.crt", "")))
        config = self._create_config(home)
        self._host_aliases = [HostAliasArgs(ip=address, hostnames=[host]) for address, host in host_aliases]
        self._create_workload(ingress_namespace, cert_manager_namespace, depends_on=[config, certificate])
        self._create_service(depends_on=[home])
        self.register_outputs({"ca_bundle": self.ca_bundle})

    def _create_certificate(self, depends_on: list[pulumi.Resource]) -> CustomResource:
        issuer = CustomResource(
            f"{self._name}-self-signed",
            api_version="cert-manager.io/v1",
            kind="Issuer",
            metadata=self._metadata("self-signed", annotations=READY),
            spec={"selfSigned": {}},
            opts=self._options(depends_on=depends_on),
        )
        spec: CertificateSpec = {
            "secretName": TLS_SECRET,
            "dnsNames": [f"{self._name}.{self._namespace}.svc"],
            "issuerRef": {"kind": "Issuer", "name": "self-signed"},
            "privateKey": private_key(),
            "isCA": True,
        }
        return CustomResource(
            TLS_SECRET,
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata(TLS_SECRET, annotations=READY),
            spec=spec,
            opts=self._options(depends_on=[issuer]),
        )

    def _create_config(self, home: Namespace) -> ConfigMap:
        return ConfigMap(
            f"{self._name}-config",
            metadata=self._metadata("config"),
            data={"pebble.json": json.dumps(configuration(), indent=2)},
            opts=self._options(depends_on=[home]),
        )

    def _create_workload(self, ingress: str, cert_manager: str, depends_on: list[pulumi.Resource]) -> Workload:
        probe = ProbeArgs(tcp_socket=TCPSocketActionArgs(port="acme"), period_seconds=2)
        config = VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name="config"))
        tls = VolumeArgs(name="tls", secret=SecretVolumeSourceArgs(secret_name=TLS_SECRET, default_mode=0o440))
        return Workload(
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
                host_aliases=self._host_aliases,
                ingress=[allow_from([namespace(cert_manager)], "acme")],
                egress=[allow_to([namespace(ingress)], 80, 443, 8000, 8443)],
            ),
            opts=self._options(depends_on=depends_on),
        )

    def _create_service(self, depends_on: list[pulumi.Resource]) -> None:
        Service(
            self._name,
            metadata=self._metadata(),
            spec=ServiceSpecArgs(
                selector=selector_labels(self._name),
                ports=[ServicePortArgs(name=name, port=port, target_port=name) for name, port in PORTS.items()],
            ),
            opts=self._options(depends_on=depends_on),
        )
