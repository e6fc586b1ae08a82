"""What a server may use of its memory and of its volume."""

import pytest

from components.redis.limits import MIB, PROGRAM, configuration, limits
from components.settings import RedisSettings
from components.settings.values import quantity
from tests.conftest import config_of
from tools.stack import names


def settings(memory: str, servers: int = 3) -> RedisSettings:
    resources = {"cpu": "20m", "memory": "32Mi", "cpuLimit": "1", "memoryLimit": memory}
    return RedisSettings.model_validate({"servers": servers, "storage": "50Gi", "resources": resources})


@pytest.mark.parametrize(
    ("memory", "data", "replication"),
    [
        ("64Mi", 22, 8),
        ("256Mi", 106, 32),
        ("1Gi", 442, 128),
        ("1G", 411, 119),
    ],
)
def test_what_is_for_what(memory: str, data: int, replication: int) -> None:
    found = limits(settings(memory))
    assert (found.data / MIB, found.replication / MIB) == (data, replication)


@pytest.mark.parametrize("stack", [name for name in names() if name != "shared"])
def test_nothing_exceeds_the_memory_and_the_volume_of_a_stack(stack: str) -> None:
    redis = RedisSettings.model_validate(config_of(stack)["journal:redis"])
    found = limits(redis)
    assert PROGRAM + 2 * found.data + found.replication <= quantity(redis.resources.memory_limit)
    assert 4 * found.data <= quantity(redis.storage)


def test_a_full_store_refuses_writes() -> None:
    lines = configuration(settings("256Mi")).splitlines()
    assert f"maxmemory {106 * MIB}" in lines
    assert "maxmemory-policy noeviction" in lines


@pytest.mark.parametrize(("servers", "expected"), [(1, False), (3, True)])
def test_a_primary_without_replicas_refuses_writes_where_there_should_be_some(servers: int, expected: bool) -> None:
    assert ("min-replicas-to-write 1" in configuration(settings("256Mi", servers=servers))) is expected
