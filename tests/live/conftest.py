"""What the engine's live tests run on: a stack in one namespace of theirs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.engine import Target
from local.engine.cluster import Cluster
from tests.live.engine_stack import SHARED, Stack, cluster_with, kubeconfig


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with cluster_with(SHARED) as cluster:
        yield cluster


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    made = Stack("engine-test-api", SHARED, Target(state=tmp_path, kubeconfig=kubeconfig(), timeout=30), cluster)
    yield made
    made.down()


@pytest.fixture
def own(stack: Stack) -> Stack:
    """A stack whose program makes its namespace."""
    stack.namespace, stack.own = "engine-test-own", True
    return stack
