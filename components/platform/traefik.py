"""Traefik's own configuration: its command line, its middlewares and what it looks at."""

from collections.abc import Sequence

from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

INGRESS_CLASS = "traefik"
PORTS = {"web": 8000, "websecure": 8443, "ping": 8080}
DRAIN_SECONDS = 5
HSTS_SECONDS = 31_536_000


def middlewares() -> dict:
    """Traefik's dynamic configuration: what routes refer to as `NAME@file`."""
    headers = {
        "stsSeconds": HSTS_SECONDS,
        "stsIncludeSubdomains": True,
        "contentTypeNosniff": True,
        "customResponseHeaders": {"Server": ""},
    }
    return {"http": {"middlewares": {"security-headers": {"headers": headers}}}}


def arguments(namespaces: Sequence[str], host: str, *, access_log: bool = False) -> list[str]:
    """Traefik's command line.

    HTTP is redirected below every route, so ACME challenges still answer on port 80. A service with no ready pod keeps
    its route and answers 503: without it, requests to the API would fall to the page's route. The access log has a line
    of JSON for each request, without its headers.
    """
    return [
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.format=json",
        "--log.level=INFO",
        *(["--accesslog=true", "--accesslog.format=json"] if access_log else []),
        "--ping=true",
        f"--entrypoints.traefik.address=:{PORTS['ping']}",
        f"--entrypoints.web.address=:{PORTS['web']}",
        "--entrypoints.web.http.redirections.entrypoint.to=:443",
        "--entrypoints.web.http.redirections.entrypoint.scheme=https",
        "--entrypoints.web.http.redirections.entrypoint.priority=1",
        f"--entrypoints.websecure.address=:{PORTS['websecure']}",
        "--entrypoints.websecure.http.tls=true",
        *(
            f"--entrypoints.{e}.transport.lifecycle.requestacceptgracetimeout={DRAIN_SECONDS}"
            for e in ("web", "websecure")
        ),
        f"--providers.kubernetesingress.ingressclass={INGRESS_CLASS}",
        "--providers.kubernetesingress.allowemptyservices=true",
        f"--providers.kubernetesingress.namespaces={','.join(namespaces)}",
        f"--providers.kubernetesingress.ingressendpoint.hostname={host}",
        "--providers.file.directory=/etc/traefik/dynamic",
    ]


def cluster_rules() -> list[PolicyRuleArgs]:
    """What Traefik looks at in the whole cluster."""
    look = ["list", "watch"]
    return [
        PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=look),
        PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["ingressclasses"], verbs=look),
    ]


def namespace_rules() -> list[PolicyRuleArgs]:
    """What it looks at where it serves, TLS secrets among it."""
    look = ["get", "list", "watch"]
    return [
        PolicyRuleArgs(api_groups=[""], resources=["services", "secrets"], verbs=look),
        PolicyRuleArgs(api_groups=["discovery.k8s.io"], resources=["endpointslices"], verbs=look),
        PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["ingresses"], verbs=look),
        PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["ingresses/status"], verbs=["update"]),
    ]
