"""What a person sees of the running stack: where it is, its tiers, its certificate and its cluster."""

import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import httpx
from rich.table import Column, Table

from local import acme, cluster, redis_status
from local.access import Access
from local.cluster.layout import Layout
from local.releases import Revision
from tools import stack
from tools.terminal import console

PART_OF, REDIS = "app.kubernetes.io/part-of=journal", "app.kubernetes.io/name=redis"
WORKS = ("AbleToScale", "ScalingActive")
"""Conditions of an autoscaler that are false where it can't do its work."""
ASKED = 20
"""How many requests tell which versions answer."""
PAGE_VERSION = re.compile(r'data-page-version="([^"]*)" data-page-commit="([^"]*)"')


def address(url: str, host: str, ip: str, roots: Path) -> None:
    """The journal's address, and a curl line to paste."""
    console.print(f"\nThe journal is at [bold]{url}[/bold]")
    console.print("Try it:")
    console.print(f"  curl --cacert {roots} --resolve {host}:443:{ip} {url}/api", soft_wrap=True)
    console.print(f"In a browser: add the line [bold]{ip} {host}[/bold] to /etc/hosts, and trust {roots}.\n")


def volumes(found: list[cluster.KeptVolume]) -> str:
    """Volumes by their claims, and what they take of the disk."""
    return f"{', '.join(volume.claim for volume in found)} ({sum(volume.bytes for volume in found) / 2**20:.0f} MiB)"


def kept(found: list[cluster.KeptVolume]) -> None:
    """What outlived the cluster, where it is, and how to be rid of it."""
    if not found:
        console.print("There was no volume to keep.")
        return
    console.print(f"Kept: {volumes(found)}, in {Layout.current().kept}", soft_wrap=True)
    console.print("`make up` takes it up. `make down` deletes it.")


def tiers(access: Access) -> bool:
    """The tiers with their pods. Returns whether all are ready."""
    found = access.json("get", "deployments,statefulsets", "-A", "-l", PART_OF)["items"]
    restarts: dict[tuple[str, str | None], int] = {}
    for pod in access.json("get", "pods", "-A", "-l", PART_OF)["items"]:
        key = pod["metadata"]["namespace"], pod["metadata"]["labels"].get("app.kubernetes.io/name")
        counts = [container["restartCount"] for container in pod["status"].get("containerStatuses", [])]
        restarts[key] = restarts.get(key, 0) + sum(counts)
    table = _table("Tiers", "tier", "namespace", "ready", "restarts", "image", "age")
    all_ready = bool(found)
    for item in sorted(found, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"])):
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        ready, wanted = item["status"].get("readyReplicas", 0), item["spec"]["replicas"]
        all_ready &= ready == wanted
        image = item["spec"]["template"]["spec"]["containers"][0]["image"]
        age = _since(datetime.fromisoformat(item["metadata"]["creationTimestamp"]).timestamp())
        count = _coloured(f"{ready}/{wanted}", good=ready == wanted)
        table.add_row(name, namespace, count, str(restarts.get((namespace, name), 0)), image, age)
    console.print(table)
    return all_ready


def autoscalers(access: Access) -> bool:
    """Each autoscaler: how many pods there are, and how busy they are. Returns whether each can tell."""
    found = access.json("get", "horizontalpodautoscalers", "-A", "-l", PART_OF)["items"]
    table = _table("Autoscalers", "tier", "pods", "from", "to", "CPU used", "CPU aimed at", "in order")
    good = True
    for item in found:
        spec, status = item["spec"], item.get("status", {})
        used = next((m["resource"]["current"] for m in status.get("currentMetrics") or [] if "resource" in m), {})
        aim = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
        wrong = [c["reason"] for c in status.get("conditions", []) if c["type"] in WORKS and c["status"] == "False"]
        good &= not wrong
        pods = str(status.get("currentReplicas", 0))
        share = f"{used['averageUtilization']} %" if "averageUtilization" in used else "unknown"
        said = _coloured(", ".join(wrong) or "yes", good=not wrong)
        bounds = str(spec["minReplicas"]), str(spec["maxReplicas"])
        table.add_row(item["metadata"]["name"], pods, *bounds, share, f"{aim} %", said)
    if found:
        console.print(table)
    return good


def revisions(tier: str, found: Sequence[Revision]) -> None:
    """What a tier's Deployment has had, oldest first."""
    table = _table(f"History of {tier}", "revision", "image", "since", "pods")
    for revision in found:
        table.add_row(str(revision.number), revision.image, revision.since, str(revision.pods))
    console.print(table)


def redis(access: Access) -> bool:
    """Each Redis of the stack: its servers, and what is wrong, a line each. Returns whether nothing is."""
    sets = access.json("get", "statefulsets", "-A", "-l", f"{PART_OF},{REDIS}")["items"]
    good = True
    for item in sets:
        namespace = item["metadata"]["namespace"]
        said = redis_status.ask(access, namespace, redis_status.servers(item))
        table = _table("Redis", "server", "role", "behind", "last write", "last rewrite", "memory", "disk free")
        for row in redis_status.rows(said):
            written = [text and _coloured(text, good=text == "ok") for text in (row.last_write, row.last_rewrite)]
            table.add_row(row.pod, row.role, row.behind, *written, row.memory, row.disk_free)
        console.print(table)
        problems = redis_status.problems(said)
        for problem in problems:
            console.print(_coloured(problem, good=False), soft_wrap=True)
        good &= not problems
    return good


def versions() -> None:
    """Which versions of the API and of the page answer, where this checkout knows the address."""
    path = stack.STATE / "local.json"
    if not path.exists():
        return
    where = json.loads(path.read_text())
    table = _table("Answers", "tier", "version", "of requests")
    with acme.client(where["url"], where["address"], Path(where["ca"])) as client:
        for tier, version, count in split(client):
            table.add_row(tier, version, f"{count}/{ASKED}")
    console.print(table)


def split(client: httpx.Client) -> list[tuple[str, str, int]]:
    """Tier, version and how many of `ASKED` requests it answered, each on a connection of its own; most first."""
    tiers = {"frontend": "/api/version", "fileserver": "/"}
    counts = {tier: Counter(_version(client, path) for _ in range(ASKED)) for tier, path in tiers.items()}
    return [(tier, version, count) for tier, found in counts.items() for version, count in found.most_common()]


def _version(client: httpx.Client, path: str) -> str:
    try:
        answer = client.get(path, headers={"Connection": "close"}, timeout=5)
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    of_page = PAGE_VERSION.search(answer.text)
    version = "+".join(of_page.groups()) if of_page else answer.headers.get("Journal-Version", "of no version")
    return version if answer.status_code == 200 else f"status {answer.status_code}"


def certificates(access: Access) -> None:
    """Each certificate, whether it is ready, and until when it is good."""
    table = _table("Certificates", "certificate", "host", "ready", "good until", "issuer")
    for item in access.json("get", "certificates.cert-manager.io", "-A")["items"]:
        status, spec = item.get("status", {}), item["spec"]
        ready = next((c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"), "Unknown")
        name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        hosts, issuer = ", ".join(spec["dnsNames"]), spec["issuerRef"]["name"]
        table.add_row(name, hosts, _coloured(ready, good=ready == "True"), status.get("notAfter", ""), issuer)
    console.print(table)


def components() -> None:
    """The cluster's own programs."""
    table = _table("Cluster", "component", "pid", "ready", "restarts", "for", "last end")
    for part in cluster.status().components:
        ready = _coloured("yes" if part.ready else "no", good=part.ready)
        table.add_row(part.name, str(part.pid), ready, str(part.restarts), _since(part.since), part.last_end)
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    return Table(*(Column(name, overflow="fold") for name in columns), title=title, title_justify="left")


def _coloured(text: str, *, good: bool) -> str:
    colour = "green" if good else "red"
    return f"[{colour}]{text}[/{colour}]"


def _since(moment: float) -> str:
    """How long a moment, in Unix time, is past: in days and hours, or hours and minutes, or minutes and seconds."""
    minutes, seconds = divmod(int(time.time() - moment), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h"
    return f"{hours}h{minutes}m" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
