"""The link shortener's pods and the Service in front of them."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes.core.v1 as core

from components.kubernetes import (
    KubernetesComponent,
    Workload,
    WorkloadArgs,
    allow_from,
    http_probe,
    pods_in,
)
from components.redis import Redis
from components.settings import Resources

PORT = 8080
SERVER = Path(__file__).with_name("server.py")


@dataclass(kw_only=True)
class ShortenerArgs:
    """A link shortener: its image, its size, and the Redis that keeps its links.

    image: has `python3`. ingress_namespace: the namespace from which requests come.
    """

    namespace: str
    image: str
    resources: Resources
    redis: Redis
    ingress_namespace: str


class Shortener(KubernetesComponent):
    """A link shortener behind the Service `service`, port `http`. Its pods read their program from a ConfigMap."""

    service: str

    def __init__(self, name: str, args: ShortenerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("links:index:Shortener", name, args.namespace, opts)
        self._args, self.service = args, name
        self._create_workload(self._create_program())
        self._create_service({"http": 80})
        self.register_outputs({"service": self.service})

    def _create_program(self) -> core.ConfigMap:
        return self._create_config_map(f"{self._name}-program", {SERVER.name: SERVER.read_text()})

    def _create_workload(self, program: core.ConfigMap) -> None:
        args, redis, probe = self._args, self._args.redis, http_probe("/healthz", "http")
        code = core.ConfigMapVolumeSourceArgs(name=program.metadata.name)
        password = core.SecretVolumeSourceArgs(secret_name=redis.auth_secret, default_mode=0o440)
        Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=args.image,
                replicas=2,
                resources=args.resources,
                command=["python3", f"/app/{SERVER.name}"],
                ports={"http": PORT},
                liveness=probe,
                readiness=probe,
                environment=redis.environment,
                volumes=[
                    _mounted(core.VolumeArgs(name="program", config_map=code), "/app"),
                    _mounted(core.VolumeArgs(name="redis-auth", secret=password), "/etc/redis-auth"),
                ],
                ingress=[allow_from([pods_in(args.ingress_namespace)], "http")],
                egress=redis.egress,
            ),
            opts=self._options(depends_on=[program]),
        )


def _mounted(volume: core.VolumeArgs, path: str) -> tuple[core.VolumeArgs, core.VolumeMountArgs]:
    return volume, core.VolumeMountArgs(name=volume.name, mount_path=path, read_only=True)
