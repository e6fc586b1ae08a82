"""What a person sees of the running stack: where it is, its tiers, its certificate and its cluster."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from local import cluster
from local.access import Access
from tools.terminal import console

PART_OF = "app.kubernetes.io/part-of=journal"


def address(url: str, host: str, ip: str, roots: Path) -> None:
    """The journal's address, and a curl line to paste."""
    console.print(f"\nThe journal is at [bold]{url}[/bold]")
    console.print("Try it:")
    console.print(f"  curl --cacert {roots} --resolve {host}:443:{ip} {url}/api", soft_wrap=True)
    console.print(f"In a browser: add the line [bold]{ip} {host}[/bold] to /etc/hosts, and trust {roots}.\n")


def tiers(access: Access) -> bool:
    """The tiers with their pods. Returns whether all are ready."""
    found = access.json("get", "deployments,statefulsets", "-A", "-l", PART_OF)["items"]
    pods = access.json("get", "pods", "-A", "-l", PART_OF)["items"]
    table = Table(title="Tiers", title_justify="left")
    for column in ("tier", "namespace", "ready", "restarts", "image", "age"):
        table.add_column(column, overflow="fold")
    all_ready = bool(found)
    for item in sorted(found, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"])):
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        ready, wanted = item["status"].get("readyReplicas", 0), item["spec"]["replicas"]
        all_ready &= ready == wanted
        colour = "green" if ready == wanted else "red"
        image = item["spec"]["template"]["spec"]["containers"][0]["image"]
        restarts = sum(_restarts(pod) for pod in pods if _belongs(pod, name, namespace))
        age = _age(item["metadata"]["creationTimestamp"])
        table.add_row(name, namespace, f"[{colour}]{ready}/{wanted}[/{colour}]", str(restarts), image, age)
    console.print(table)
    return all_ready


def certificates(access: Access) -> None:
    """Each certificate, whether it is ready, and until when it is good."""
    table = Table(title="Certificates", title_justify="left")
    for column in ("certificate", "host", "ready", "good until", "issuer"):
        table.add_column(column, overflow="fold")
    for item in access.json("get", "certificates.cert-manager.io", "-A")["items"]:
        status, spec = item.get("status", {}), item["spec"]
        ready = next((c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"), "Unknown")
        colour = "green" if ready == "True" else "red"
        name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        hosts, issuer = ", ".join(spec["dnsNames"]), spec["issuerRef"]["name"]
        table.add_row(name, hosts, f"[{colour}]{ready}[/{colour}]", status.get("notAfter", ""), issuer)
    console.print(table)


def components() -> None:
    """The cluster's own programs."""
    table = Table(title="Cluster", title_justify="left")
    for column in ("component", "pid", "ready", "restarts", "for", "last end"):
        table.add_column(column)
    for part in cluster.status().components:
        colour = "green" if part.ready else "red"
        ready = f"[{colour}]{'yes' if part.ready else 'no'}[/{colour}]"
        since = _span(time.time() - part.since)
        table.add_row(part.name, str(part.pid), ready, str(part.restarts), since, part.last_end)
    console.print(table)


def _belongs(pod: Any, name: str, namespace: str) -> bool:
    metadata = pod["metadata"]
    return metadata["namespace"] == namespace and metadata["labels"].get("app.kubernetes.io/name") == name


def _restarts(pod: Any) -> int:
    return sum(container["restartCount"] for container in pod["status"].get("containerStatuses", []))


def _age(timestamp: str) -> str:
    return _span((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds())


def _span(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h"
    return f"{hours}h{minutes}m" if hours else f"{minutes}m{left}s" if minutes else f"{left}s"
