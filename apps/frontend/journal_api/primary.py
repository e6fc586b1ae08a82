"""What the primary says of its replicas and its files, for Prometheus: as it said last, and nothing when it is away."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

SECTIONS = (b"replication", b"persistence")
"""Of INFO. Together they take the server some 30 µs."""
_FILES = {"aof_write": "aof_last_write_status", "aof_rewrite": "aof_last_bgrewrite_status"}


class PrimaryCollector(Collector):
    """`said` gives the primary's INFO, or b"" while there is no connection to one."""

    def __init__(self, said: Callable[[], bytes]) -> None:
        self._said = said

    def collect(self) -> Iterator[GaugeMetricFamily]:
        info = dict(line.split(":", 1) for line in self._said().decode().splitlines() if ":" in line)
        count = GaugeMetricFamily("journal_redis_replicas", "Replicas that the primary sends its changes to.")
        late = GaugeMetricFamily(
            "journal_redis_replica_lag_seconds", "Since this replica last said what it has.", labels=["replica"]
        )
        behind = GaugeMetricFamily(
            "journal_redis_replica_lag_bytes", "What this replica has not confirmed.", labels=["replica"]
        )
        files = GaugeMetricFamily(
            "journal_redis_files_ok", "1 when the primary's last attempt went well.", labels=["what"]
        )
        if info:
            replicas = [_pairs(info[f"slave{number}"]) for number in range(int(info["connected_slaves"]))]
            online = [replica for replica in replicas if replica["state"] == "online"]
            count.add_metric([], len(online))
            for replica in online:
                late.add_metric([replica["ip"]], int(replica["lag"]))
                behind.add_metric([replica["ip"]], int(info["master_repl_offset"]) - int(replica["offset"]))
            for what, key in _FILES.items():
                files.add_metric([what], float(info[key] == "ok"))
        yield from (count, late, behind, files)


def _pairs(text: str) -> dict[str, str]:
    """Of `ip=redis-1,port=6379,…`."""
    return dict(pair.split("=", 1) for pair in text.split(","))
