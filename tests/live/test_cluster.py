"""The cluster itself, on the node that runs: it heals, gives addresses and volumes, and keeps secrets."""

import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import urllib3
from kubernetes import client, config

from local import cluster
from local.cluster.layout import Layout
from tests.live.cluster_pods import Pods, ask, until

pytestmark = pytest.mark.live
COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "agent",
    "kube-proxy",
    "kubelet",
    "containerd",
)
RECOVERY_SECONDS = 30


@pytest.fixture(scope="module")
def core() -> Any:
    node = cluster.status().node
    assert node is not None, "no node runs: `make up` first"
    return client.CoreV1Api(config.new_client_from_config(str(node.kubeconfig)))


@pytest.fixture
def pods(core: Any) -> Iterator[Pods]:
    name = f"cluster-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": name}})
    until(lambda: core.list_namespaced_service_account(name).items)
    made = Pods(core, name)
    yield made
    made.close()
    core.delete_namespace(name)


def by_name() -> dict[str, cluster.ComponentStatus]:
    return {c.name: c for c in cluster.status().components}


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_killed_component_comes_back_and_pods_start(name: str, pods: Pods) -> None:
    before = by_name()[name]
    os.kill(before.pid, signal.SIGKILL)
    started = time.monotonic()
    until(lambda: (now := by_name().get(name)) is not None and now.pid != before.pid and now.ready, RECOVERY_SECONDS)

    def created() -> bool:
        try:
            pods.create("after")
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            return getattr(error, "status", 0) == HTTPStatus.CONFLICT  # the answer to an earlier try was lost
        return True

    until(created, RECOVERY_SECONDS)
    pods.running("after")
    assert time.monotonic() - started < RECOVERY_SECONDS
    assert by_name()[name].restarts == before.restarts + 1


def load_balancer(port: int, app: str, **spec: object) -> dict:
    ports = [{"port": port, "targetPort": 8080}]
    return {
        "metadata": {"name": app},
        "spec": {"type": "LoadBalancer", "selector": {"app": app}, "ports": ports, **spec},
    }


def address(core: Any, name: str, namespace: str) -> str:
    ingress = core.read_namespaced_service(name, namespace).status.load_balancer.ingress
    return ingress[0].ip if ingress else ""


def test_a_load_balancer_has_the_nodes_address_and_shows_the_clients(pods: Pods) -> None:
    web = pods.run("web")
    pods.serve(web, 8080)
    pods.core.create_namespaced_service(pods.namespace, load_balancer(8090, "web", externalTrafficPolicy="Local"))
    assert until(lambda: address(pods.core, "web", pods.namespace)) == "10.123.0.2"
    assert until(lambda: ask("10.123.0.2", 8090)) == "10.123.0.1"


def test_of_two_load_balancers_with_one_port_the_second_waits(pods: Pods) -> None:
    pods.core.create_namespaced_service(pods.namespace, load_balancer(8091, "first"))
    until(lambda: address(pods.core, "first", pods.namespace))
    time.sleep(1.1)  # creation times are whole seconds
    pods.core.create_namespaced_service(pods.namespace, load_balancer(8091, "second"))

    def told() -> list:
        events = pods.core.list_namespaced_event(pods.namespace).items
        return [e for e in events if e.reason == "PortTaken" and e.involved_object.name == "second"]

    assert f"service {pods.namespace}/first" in until(told)[0].message
    assert address(pods.core, "second", pods.namespace) == ""
    pods.core.delete_namespaced_service("first", pods.namespace)
    assert until(lambda: address(pods.core, "second", pods.namespace)) == "10.123.0.2"


def test_the_api_servers_port_is_not_given_away(pods: Pods) -> None:
    pods.core.create_namespaced_service(pods.namespace, load_balancer(6443, "greedy"))
    until(lambda: [e for e in pods.core.list_namespaced_event(pods.namespace).items if e.reason == "PortTaken"])
    assert address(pods.core, "greedy", pods.namespace) == ""


def test_a_volume_outlives_its_pod(pods: Pods) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    pods.core.create_namespaced_persistent_volume_claim(pods.namespace, {"metadata": {"name": "data"}, "spec": claim})
    spec: dict[str, Any] = {
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "securityContext": {"runAsUser": 4711, "runAsNonRoot": True, "fsGroup": 4712},
        "container": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    }
    first = pods.run("first", **spec)
    first.path("/data/kept").write_text("kept")
    folder = first.path("/data").stat()
    assert (folder.st_gid, folder.st_mode & 0o070) == (4712, 0o070), "the pod's group may write"
    pods.delete("first")
    assert pods.run("second", **spec).path("/data/kept").read_text() == "kept"
    pods.delete("second")
    volume = pods.core.read_namespaced_persistent_volume_claim("data", pods.namespace).spec.volume_name
    assert (Layout.current().volumes / volume).is_dir()
    pods.core.delete_namespaced_persistent_volume_claim("data", pods.namespace)
    until(lambda: not (Layout.current().volumes / volume).exists())


def test_a_shared_volume_is_refused(pods: Pods) -> None:
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}}
    pods.core.create_namespaced_persistent_volume_claim(pods.namespace, {"metadata": {"name": "data"}, "spec": claim})
    pods.create("pod", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    failed = until(
        lambda: [e for e in pods.core.list_namespaced_event(pods.namespace).items if e.reason == "ProvisioningFailed"]
    )
    assert "ReadWriteMany" in failed[0].message


def test_secrets_are_encrypted_in_etcd_and_config_maps_are_not(pods: Pods) -> None:
    hidden, shown = f"hidden-{secrets.token_hex(16)}", f"shown-{secrets.token_hex(16)}"
    pods.core.create_namespaced_secret(pods.namespace, {"metadata": {"name": "s"}, "stringData": {"key": hidden}})
    pods.core.create_namespaced_config_map(pods.namespace, {"metadata": {"name": "c"}, "data": {"key": shown}})
    stored = b"".join(p.read_bytes() for p in Layout.current().etcd.rglob("*") if p.is_file())
    assert shown.encode() in stored
    assert hidden.encode() not in stored


def test_names_are_resolved(pods: Pods) -> None:
    """A question for `kubernetes.default.svc.cluster.local`, type A, to the DNS service."""
    labels = b"".join(bytes([len(n)]) + n.encode() for n in ["kubernetes", "default", "svc", "cluster", "local"])
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"

    def resolved() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(1)
            asking.sendto(query, ("10.96.0.10", 53))
            try:
                return asking.recv(512)
            except OSError:
                return b""

    assert until(resolved)[-4:] == socket.inet_aton("10.96.0.1")


def test_the_administrators_key_is_for_root_only() -> None:
    layout = Layout.current()
    files = [layout.kubeconfig, *(p for p in layout.pki.rglob("*") if p.suffix in (".key", ".conf", ".json"))]
    assert {oct(p.stat().st_mode & 0o777) for p in files} == {"0o600"}
