"""What a server may use of its memory, for data, for replication and for a rewrite, so that it is never killed."""

from dataclasses import dataclass

from components.settings import RedisSettings
from components.settings.values import quantity

MIB = 1 << 20
PROGRAM = 12 * MIB
"""What a server without data uses, with its scripts beside it."""


@dataclass(frozen=True)
class Limits:
    """Bytes. data: keys and values, with clients' buffers. replication: what replicas have not got yet, together."""

    data: int
    replication: int


def limits(settings: RedisSettings) -> Limits:
    """What of the container's memory is for what.

    A rewrite forks: every page that changes meanwhile is there twice, so data gets half. What replicas have not got yet
    is kept once for all of them, and `maxmemory` does not count it.
    Sources: valkey.io, Memory optimization; valkey.conf, client-output-buffer-limit and maxmemory.
    """
    memory = int(quantity(settings.resources.memory_limit))
    replication = memory // 8
    data = (memory - PROGRAM - replication) // 2
    return Limits(data // MIB * MIB, replication // MIB * MIB)


def configuration(settings: RedisSettings) -> str:
    """The lines of a server's configuration that follow from the settings."""
    found = limits(settings)
    # A replica whose lag passes `replication` is cut off and starts anew from a copy, so it never takes more.
    lines = [
        f"maxmemory {found.data}",
        "maxmemory-policy noeviction",
        f"repl-backlog-size {found.replication // 2}",
        f"client-output-buffer-limit replica {found.replication} 0 0",
        f"client-output-buffer-limit normal {found.replication // 2} 0 0",
        f"maxmemory-clients {found.data // 4}",
        f"auto-aof-rewrite-min-size {min(64 * MIB, found.data)}",
    ]
    if settings.servers > 1:
        # A primary that is cut off takes no write once Sentinels, after 5 s, may have made another one primary.
        lines += ["min-replicas-to-write 1", "min-replicas-max-lag 4"]
    return "\n".join(lines) + "\n"
