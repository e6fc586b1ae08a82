"""metrics-server's image: its version is the one that is deployed, and its libraries are Kubernetes' own."""

from components.versions import METRICS_SERVER_IMAGE
from local.cluster import metrics_server, programs


def test_the_image_that_is_built_is_the_one_that_is_deployed() -> None:
    assert metrics_server.reference() == METRICS_SERVER_IMAGE


def test_what_both_builds_compile_is_compiled_once() -> None:
    own, platform = metrics_server.pinned(), programs.pinned()
    shared = {module for module in own if module.startswith("k8s.io/") and module in platform}
    assert len(shared) > 5
    assert {module: own[module] for module in shared} == {module: platform[module] for module in shared}


def test_it_is_no_part_of_the_build_that_takes_long() -> None:
    assert programs.SOURCES not in metrics_server.SOURCES.parents
