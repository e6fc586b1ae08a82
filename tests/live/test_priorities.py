"""Which pods stay when the node has no room for all of them."""

import pytest

from components.kubernetes.priorities import DATA, EDGE, PRIORITIES, SERVING
from local.access import Access

pytestmark = pytest.mark.live
EXPECTED = {"redis": DATA, "traefik": EDGE, "redis-write": SERVING, "frontend": SERVING, "fileserver": SERVING}


def test_pods_have_the_priority_of_their_tier(here: Access) -> None:
    pods = here.json("get", "pods", "-A", "-l", f"app.kubernetes.io/name in ({','.join(EXPECTED)})")["items"]
    found = {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["spec"].get("priority") for pod in pods}
    assert found == {tier: PRIORITIES[name][0] for tier, name in EXPECTED.items()}
