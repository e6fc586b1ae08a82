"""Network policies, enforced for real: what is not allowed does not pass."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes import client, config

from local import cluster
from tests.live.cluster_pods import Pod, Pods, ask, process_of, until

pytestmark = pytest.mark.live
PORT, OTHER = 8080, 8081
HOST = "10.123.0.1"
API_SERVER = ("10.123.0.2", 6443)


@dataclass
class Scene:
    """A server on two ports and a client in one namespace, a client in another one (labelled `scene: far`)."""

    pods: Pods
    networking: Any
    other: str
    server: Pod
    near: Pod
    far: Pod

    def apply(self, name: str, **spec: Any) -> None:
        """Create a policy for the server's pods, unless it says otherwise."""
        spec = {"podSelector": {"matchLabels": {"app": "server"}}, **spec}
        self.networking.create_namespaced_network_policy(
            self.pods.namespace, {"metadata": {"name": name}, "spec": spec}
        )

    def clear(self) -> None:
        self.networking.delete_collection_namespaced_network_policy(self.pods.namespace)
        until(lambda: self.near.reaches(self.server.ip, PORT))

    def sees(self, *, near: bool, far: bool, port: int = PORT) -> None:
        """Who reaches the server's port."""
        until(lambda: self.near.reaches(self.server.ip, port, 0.5) == near)
        until(lambda: self.far.reaches(self.server.ip, port, 0.5) == far)


@pytest.fixture(scope="module")
def whole() -> Iterator[Scene]:
    node = cluster.status().node
    assert node is not None, "no node runs: `make up` first"
    api = config.new_client_from_config(str(node.kubeconfig))
    core: Any = client.CoreV1Api(api)
    name = f"policy-{secrets.token_hex(4)}"
    other = f"{name}-far"
    core.create_namespace({"metadata": {"name": name}})
    core.create_namespace({"metadata": {"name": other, "labels": {"scene": "far"}}})
    for namespace in (name, other):
        until(lambda namespace=namespace: core.list_namespaced_service_account(namespace).items)
    pods = Pods(core, name)
    server = pods.run("server", container={"ports": [{"name": "web", "containerPort": PORT}]})
    near, far = pods.run("near"), pods.run("far", other)
    for port in (PORT, OTHER):
        pods.serve(server, port)
    yield Scene(pods, client.NetworkingV1Api(api), other, server, near, far)
    pods.close()
    for namespace in (name, other):
        core.delete_namespace(namespace)


@pytest.fixture
def scene(whole: Scene) -> Iterator[Scene]:
    yield whole
    whole.clear()


def test_without_policies_all_is_allowed(scene: Scene) -> None:
    scene.sees(near=True, far=True)
    scene.sees(near=True, far=True, port=OTHER)


def test_default_deny_of_ingress(scene: Scene) -> None:
    scene.apply("deny", podSelector={}, policyTypes=["Ingress"])
    scene.sees(near=False, far=False)
    assert not ask(scene.server.ip, PORT, seconds=0.5), "the host is outside too"


def test_a_pod_selector_selects_in_its_own_namespace(scene: Scene) -> None:
    scene.apply("near", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}])
    scene.sees(near=True, far=False)


def test_a_namespace_selector_selects_by_the_namespaces_labels(scene: Scene) -> None:
    scene.apply("far", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"scene": "far"}}}]}])
    scene.sees(near=False, far=True)


def test_both_selectors_in_one_peer_must_match(scene: Scene) -> None:
    peer = {"namespaceSelector": {"matchLabels": {"scene": "far"}}, "podSelector": {"matchLabels": {"app": "nobody"}}}
    scene.apply("nobody", ingress=[{"from": [peer]}])
    scene.sees(near=False, far=False)


def test_a_named_port_is_the_receiving_pods(scene: Scene) -> None:
    scene.apply("web", ingress=[{"ports": [{"port": "web"}]}])
    scene.sees(near=True, far=True)
    scene.sees(near=False, far=False, port=OTHER)


def test_a_range_of_ports(scene: Scene) -> None:
    scene.apply("range", ingress=[{"ports": [{"port": OTHER, "endPort": OTHER + 8}]}])
    scene.sees(near=True, far=True, port=OTHER)
    scene.sees(near=False, far=False)


def test_policies_add_up(scene: Scene) -> None:
    scene.apply("near", ingress=[{"from": [{"podSelector": {}}]}])
    scene.apply("far", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"scene": "far"}}}]}])
    scene.sees(near=True, far=True)


def test_default_deny_of_egress(scene: Scene) -> None:
    scene.apply("deny", podSelector={"matchLabels": {"app": "near"}}, policyTypes=["Egress"])
    scene.sees(near=False, far=True)


def test_egress_to_a_named_port_of_selected_pods(scene: Scene) -> None:
    near, server = ({"matchLabels": {"app": app}} for app in ("near", "server"))
    egress = [{"to": [{"podSelector": server}], "ports": [{"port": "web"}]}]
    scene.apply("web", podSelector=near, policyTypes=["Egress"], egress=egress)
    scene.sees(near=True, far=True)
    scene.sees(near=False, far=True, port=OTHER)


def test_an_address_block_with_an_exception(scene: Scene) -> None:
    block = {"cidr": "10.244.0.0/16", "except": [f"{scene.far.ip}/32"]}
    scene.apply("block", ingress=[{"from": [{"ipBlock": block}]}])
    scene.sees(near=True, far=False)


def test_clients_of_a_load_balancer_are_filtered_by_their_own_address(scene: Scene) -> None:
    spec = {"type": "LoadBalancer", "selector": {"app": "server"}, "ports": [{"port": 8095, "targetPort": PORT}]}
    scene.pods.core.create_namespaced_service(scene.pods.namespace, {"metadata": {"name": "server"}, "spec": spec})
    until(lambda: ask("10.123.0.2", 8095))
    scene.apply("nobody", policyTypes=["Ingress"])
    until(lambda: not ask("10.123.0.2", 8095, seconds=0.5))
    scene.apply("host", ingress=[{"from": [{"ipBlock": {"cidr": f"{HOST}/32"}}]}])
    until(lambda: ask("10.123.0.2", 8095, seconds=0.5))


def test_the_api_server_is_egress_like_any_other(scene: Scene) -> None:
    near = {"matchLabels": {"app": "near"}}
    assert scene.near.connects(*API_SERVER)
    scene.apply("deny", podSelector=near, policyTypes=["Egress"])
    until(lambda: not scene.near.connects(*API_SERVER))
    assert not scene.near.connects("10.96.0.1", 443)
    egress = [{"to": [{"ipBlock": {"cidr": f"{API_SERVER[0]}/32"}}], "ports": [{"port": API_SERVER[1]}]}]
    scene.apply("api", podSelector=near, policyTypes=["Egress"], egress=egress)
    until(lambda: scene.near.connects("10.96.0.1", 443))


def test_probes_pass_every_policy(scene: Scene) -> None:
    scene.apply("deny", podSelector={}, policyTypes=["Ingress", "Egress"])
    image = "registry.k8s.io/coredns/coredns:v1.14.7"
    probe = {"tcpSocket": {"port": 53}, "periodSeconds": 1}
    scene.pods.run("probed", container={"image": image, "readinessProbe": probe})
    scene.pods.delete("probed")


def test_a_pod_that_is_made_again_is_filtered_from_its_start(scene: Scene) -> None:
    scene.apply("deny", podSelector={"matchLabels": {"app": "late"}}, policyTypes=["Egress"])
    for _ in range(3):
        scene.pods.create("late")

        def born() -> int:
            statuses = scene.pods.core.read_namespaced_pod("late", scene.pods.namespace).status.container_statuses
            identity = statuses[0].container_id if statuses else None
            return process_of(identity.rpartition("/")[2]) if identity else 0

        late = Pod("late", scene.pods.namespace, "", until(born))
        assert not late.reaches(scene.server.ip, PORT, 0.3)
        scene.pods.delete("late")
