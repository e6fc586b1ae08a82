"""Traefik's own configuration: its command line and its middlewares."""

from collections.abc import Sequence

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


def arguments(namespaces: Sequence[str], host: str) -> list[str]:
    """Traefik's command line.

    HTTP is redirected below every route, so ACME challenges still answer on port 80. A service with no ready pod keeps
    its route and answers 503: without it, requests to the API would fall to the page's route.
    """
    return [
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.format=json",
        "--log.level=INFO",
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
