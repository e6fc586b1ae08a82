"""What `make status` tells of Redis: who is primary, the replicas, files, memory, disks, and what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.access import Access
from tools.failures import Failure

LAG_SECONDS = 10
"""A replica says every second what it has; the primary gives it up after 20."""
LEAST_DISK, MOST_MEMORY = 0.05, 0.95
Info = Mapping[str, str]
"""The lines of INFO and the volume's room, by name; empty where a server does not answer."""


@dataclass(frozen=True)
class Row:
    """A server as the table shows it."""

    pod: str
    role: str
    behind: str = ""
    last_write: str = ""
    last_rewrite: str = ""
    memory: str = ""
    disk_free: str = ""


def servers(stateful_set: dict[str, Any]) -> list[str]:
    """The pods of all servers that know of each other, also of those that someone scaled away."""
    containers = stateful_set["spec"]["template"]["spec"]["containers"]
    found = [variable["value"] for variable in containers[0]["env"] if variable["name"] == "SERVERS"]
    return [host.partition(".")[0] for host in found[0].split()]


def ask(here: Access, namespace: str, pods: Sequence[str]) -> dict[str, Info]:
    """What each server says of itself."""
    said: dict[str, Info] = {}
    for pod in pods:
        try:
            text = here.run("-n", namespace, "exec", pod, "-c", "redis", "--", "sh", "/etc/redis/status.sh").decode()
        except Failure:
            text = ""
        said[pod] = parsed(text)
    return said


def parsed(text: str) -> Info:
    """What status.sh prints."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def rows(said: Mapping[str, Info]) -> list[Row]:
    """The table."""
    lags = {pod: lag for info in said.values() for pod, lag in _lags(info).items()}
    return [_row(pod, info, lags.get(pod)) for pod, info in said.items()]


def problems(said: Mapping[str, Info]) -> list[str]:
    """What stops writes, or would lose them when one more server fails; a line each."""
    primaries = [pod for pod, info in said.items() if info.get("role") == "master"]
    found = []
    if not primaries:
        found.append("No server is primary: writes are refused. See docs/runbooks.md, Redis does not start.")
    elif len(primaries) > 1:
        found.append(f"{' and '.join(primaries)} are both primary: one was replaced, and will follow the other.")
    for pod, info in said.items():
        found += [f"{pod} {what}" for what in _problems(info, role=info.get("role", ""))]
    if len(primaries) == 1:
        lags = _lags(said[primaries[0]])
        for pod in said:
            if pod in primaries or "role" not in said[pod]:
                continue
            if pod not in lags:
                found.append(f"{pod} is missing among the replicas of {primaries[0]}.")
            elif lags[pod][0] > LAG_SECONDS or lags[pod][1] > int(said[primaries[0]]["repl_backlog_size"]):
                found.append(f"{pod} lags: {_lag(*lags[pod])} behind {primaries[0]}.")
    return found


def _problems(info: Info, role: str) -> list[str]:
    """Of one server, whoever the others are."""
    found = []
    if not role:
        found.append("does not answer.")
    elif info["loading"] != "0":
        found.append("is loading its data.")
    if role == "slave" and info["master_link_status"] != "up":
        found.append(f"has no link to its primary, for {info.get('master_link_down_since_seconds', '?')} s.")
    if role and info["aof_last_write_status"] != "ok":
        found.append("can't write its data to disk: is the volume full? See docs/runbooks.md, Redis is full.")
    if role and info["aof_last_bgrewrite_status"] != "ok":
        found.append("could not rewrite its files: is there room for as much again?")
    if role and (most := int(info["maxmemory"])) and int(info["used_memory"]) > MOST_MEMORY * most:
        found.append(f"uses {_size(info['used_memory'])} of {_size(most)}: writes are refused. Raise memoryLimit.")
    if "disk_free" in info and int(info["disk_free"]) < LEAST_DISK * int(info["disk_total"]):
        found.append(f"has {_size(info['disk_free'])} of {_size(info['disk_total'])} left on its volume.")
    return found


def _row(pod: str, info: Info, lag: tuple[int, int] | None) -> Row:
    if "role" not in info:
        return Row(pod, "no answer", disk_free=_size(info["disk_free"]) if "disk_free" in info else "")
    return Row(
        pod,
        "primary" if info["role"] == "master" else "replica",
        "" if lag is None else _lag(*lag),
        info["aof_last_write_status"],
        info["aof_last_bgrewrite_status"],
        f"{_size(info['used_memory'])} of {_size(info['maxmemory'])}",
        f"{_size(info['disk_free'])} of {_size(info['disk_total'])}",
    )


def _lags(info: Info) -> dict[str, tuple[int, int]]:
    """Seconds since each replica spoke, and bytes that it has not confirmed, by pod. One that copies has none."""
    found = {}
    for number in range(int(info.get("connected_slaves", 0))):
        replica = dict(pair.split("=", 1) for pair in info[f"slave{number}"].split(","))
        if replica["state"] == "online":
            pod = replica["ip"].partition(".")[0]
            found[pod] = int(replica["lag"]), max(0, int(info["master_repl_offset"]) - int(replica["offset"]))
    return found


def _lag(seconds: int, size: int) -> str:
    return f"{seconds} s, {_size(size)}"


def _size(size: str | int) -> str:
    """Bytes, in the largest unit of which there is one."""
    number = float(size)
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
