"""The Service by which clients that know no Sentinel reach the primary: HAProxy, which asks every server its role."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMapVolumeSourceArgs, VolumeArgs, VolumeMountArgs

from components import versions
from components.kubernetes import (
    SERVING,
    KubernetesComponent,
    Workload,
    WorkloadArgs,
    allow_from,
    allow_to,
    http_probe,
    pods_of,
)
from components.settings import Resources

HEALTH_PORT = 8404
RESOURCES = Resources.model_validate({"cpu": "10m", "memory": "32Mi", "cpuLimit": "500m", "memoryLimit": "64Mi"})


def proxy_configuration(hosts: Sequence[str], port: int) -> str:
    """HAProxy's configuration: connections go to the server that is primary and has a replica, and to no other.

    A server that stops being so loses its connections at once: a client of a frozen primary would wait long.
    A primary that nobody follows refuses writes, so it gets none.
    Sources: docs.haproxy.org, tcp-check, on-marked-down and resolvers.
    """
    servers = "\n".join(f"    server s{number} {host}:{port}" for number, host in enumerate(hosts))
    return f"""global
    maxconn 2000
    nbthread 1
    hard-stop-after 15s

resolvers cluster
    parse-resolv-conf
    resolve_retries 2
    timeout resolve 1s
    timeout retry 500ms
    hold valid 1s
    hold nx 1s

defaults
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    timeout check 1s

listen primary
    bind :{port}
    mode tcp
    option clitcpka
    option srvtcpka
    option tcp-check
    tcp-check connect
    tcp-check send "AUTH health any\\r\\nINFO replication\\r\\nQUIT\\r\\n"
    tcp-check expect rstring role:master[^a-z]*connected_slaves:[1-9]
    default-server check inter 500ms fall 3 rise 1 on-marked-down shutdown-sessions
    default-server resolvers cluster resolve-prefer ipv4 init-addr none
{servers}

frontend health
    bind :{HEALTH_PORT}
    mode http
    timeout client 10s
    monitor-uri /healthz
"""


@dataclass(kw_only=True)
class PrimaryProxyArgs:
    """hosts, port: of all servers. servers, clients: the names of their tiers in this namespace."""

    namespace: str
    hosts: Sequence[str]
    port: int
    servers: str
    clients: Sequence[str]


class PrimaryProxy(KubernetesComponent):
    """Two pods of HAProxy behind a Service named `name`. They hold no token and no password."""

    def __init__(self, name: str, args: PrimaryProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:redis:PrimaryProxy", name, args.namespace, opts)
        config = self._create_config_map(name, {"haproxy.cfg": proxy_configuration(args.hosts, args.port)})
        volume = VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=config.metadata.name))
        Workload(
            name,
            WorkloadArgs(
                namespace=args.namespace,
                image=versions.HAPROXY_IMAGE,
                replicas=2,
                resources=RESOURCES,
                priority_class=SERVING,
                command=["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
                ports={"redis": args.port, "health": HEALTH_PORT},
                liveness=http_probe("/healthz", "health", period=10),
                readiness=http_probe("/healthz", "health"),
                volumes=[(volume, VolumeMountArgs(name="config", mount_path="/etc/haproxy", read_only=True))],
                ingress=[allow_from([pods_of(client) for client in args.clients], "redis")],
                egress=[allow_to([pods_of(args.servers)], "redis")],
            ),
            opts=self._options(depends_on=[config]),
        )
        self._create_service({"redis": args.port})
        self.register_outputs({})
