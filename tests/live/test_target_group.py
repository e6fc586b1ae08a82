"""What a load balancer outside the cluster relies on: health by node, clients' addresses, and time to notice."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from kubernetes import client, config

from components.platform.ingress_controller import LOAD_BALANCER_CLASS
from local import cluster
from tests.live.cluster_pods import Pods, ask, until

pytestmark = pytest.mark.live
NODE, CLIENT = "10.123.0.2", "10.123.0.1"
NODE_PORT, HEALTH_PORT, PORT = 30180, 30355, 8080
NOTICE_SECONDS = 5


@pytest.fixture
def pods() -> Iterator[Pods]:
    node = cluster.status().node
    assert node is not None, "no node runs: `make up` first"
    core: Any = client.CoreV1Api(config.new_client_from_config(str(node.kubeconfig)))
    name = f"targets-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": name}})
    until(lambda: core.list_namespaced_service_account(name).items)
    made = Pods(core, name)
    yield made
    made.close()
    core.delete_namespaced_service("web", name)  # its ports are free then, at once
    core.delete_namespace(name)


def health() -> int:
    """What the node answers to a target group's health check."""
    try:
        return httpx.get(f"http://{NODE}:{HEALTH_PORT}/healthz", timeout=2).status_code
    except httpx.TransportError:
        return 0


def expose(pods: Pods) -> None:
    """A Service as the ingress controller's is where Pulumi owns the load balancer."""
    spec = {
        "type": "LoadBalancer",
        "loadBalancerClass": LOAD_BALANCER_CLASS,
        "externalTrafficPolicy": "Local",
        "healthCheckNodePort": HEALTH_PORT,
        "selector": {"app": "web"},
        "ports": [{"port": PORT, "targetPort": PORT, "nodePort": NODE_PORT}],
    }
    pods.core.create_namespaced_service(pods.namespace, {"metadata": {"name": "web"}, "spec": spec})


def test_a_node_is_healthy_while_a_pod_is_ready_and_shows_it_the_client(pods: Pods) -> None:
    expose(pods)
    until(lambda: health() == 503)
    pods.serve(pods.run("web"), PORT)
    until(lambda: health() == 200)
    assert until(lambda: ask(NODE, NODE_PORT)) == CLIENT
    assert pods.core.read_namespaced_service("web", pods.namespace).status.load_balancer.ingress is None
    pods.delete("web")
    until(lambda: health() == 503)


def test_a_pod_that_is_to_end_is_unhealthy_at_once_and_serves_until_the_load_balancer_knows(pods: Pods) -> None:
    expose(pods)
    stop = {"preStop": {"sleep": {"seconds": NOTICE_SECONDS}}}
    pods.serve(pods.run("web", terminationGracePeriodSeconds=NOTICE_SECONDS + 5, container={"lifecycle": stop}), PORT)
    until(lambda: health() == 200)
    assert until(lambda: ask(NODE, NODE_PORT)) == CLIENT
    pods.core.delete_namespaced_pod("web", pods.namespace)
    told = time.monotonic()
    until(lambda: health() == 503, seconds=2)
    while time.monotonic() < told + NOTICE_SECONDS - 1:
        assert ask(NODE, NODE_PORT) == CLIENT
