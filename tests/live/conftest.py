"""The running local stack. `make up` comes first."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import acme
from local.access import Access, access
from tools import stack
from tools.failures import Failure


@pytest.fixture(scope="module")
def here() -> Access:
    try:
        return access()
    except Failure as failure:
        pytest.fail(f"{failure.message} {failure.hint}", pytrace=False)


@pytest.fixture(scope="module")
def local_stack() -> dict[str, str]:
    path = stack.STATE / "local.json"
    if not path.exists():
        pytest.fail("the local stack is not running: run `make up` first", pytrace=False)
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def http(local_stack: dict[str, str]) -> Iterator[httpx.Client]:
    with acme.client(local_stack["url"], local_stack["address"], Path(local_stack["ca"])) as client:
        yield client
