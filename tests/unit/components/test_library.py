"""The components as a library: another application under another project, without a trace of the journal."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from components.kubernetes import Backend, Namespace, Workload, WorkloadArgs, allow_from, http_probe, pods_in
from components.platform import IngressEndpoint, Routes, RoutesArgs
from components.redis import Redis, RedisArgs
from components.settings import RedisSettings, Resources
from tools.recording import Recorder, run

RESOURCES = {"cpu": "10m", "memory": "16Mi", "cpuLimit": "100m", "memoryLimit": "64Mi"}


def program() -> None:
    """A shop: a web server that keeps its baskets in a Redis."""
    namespace = Namespace("shop")
    inside = pulumi.ResourceOptions(depends_on=[namespace])
    settings = RedisSettings.model_validate({"servers": 1, "storage": "1Gi", "resources": RESOURCES})
    redis = Redis("baskets", RedisArgs(namespace="shop", settings=settings, clients=["web"]), inside)
    probe = http_probe("/", "http")
    web = Workload(
        "web",
        WorkloadArgs(
            namespace="shop",
            image="registry.example/web:v1",
            replicas=2,
            resources=Resources.model_validate(RESOURCES),
            ports={"http": 8000},
            liveness=probe,
            readiness=probe,
            environment={"REDIS_HOST": redis.write_host},
            ingress=[allow_from([pods_in("gateway")], "http")],
            egress=redis.egress,
        ),
        inside,
    )
    endpoint = IngressEndpoint(ingress_class="nginx", ingress_namespace="gateway", issuer="letsencrypt")
    paths = {"/": Backend(service="web")}
    routes = RoutesArgs(namespace="shop", hosts={"shop.example": paths}, endpoint=endpoint, tiers=[web])
    Routes("shop", routes, inside)


@pytest.fixture(scope="module")
def shop() -> Recorder:
    recorder = Recorder()
    run(program, recorder, project="shop", stack="test", config={})
    return recorder


def texts(value: Any) -> Iterator[str]:
    """Every key and every string in a resource's inputs."""
    if isinstance(value, dict):
        yield from value
        yield from (text for part in value.values() for text in texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in texts(part))
    elif isinstance(value, str):
        yield value


def test_nothing_is_named_after_the_journal(shop: Recorder) -> None:
    objects = [r for r in shop.registrations if r.custom]
    assert len(objects) > 15
    assert [r.label for r in objects if any("journal" in text for text in texts(r.inputs))] == []


def test_objects_are_part_of_the_project(shop: Recorder) -> None:
    labelled = {
        r["metadata"]["labels"]["app.kubernetes.io/part-of"] for r in shop.registrations if "metadata" in r.inputs
    }
    assert labelled == {"shop"}


def test_everything_is_in_the_applications_namespace(shop: Recorder) -> None:
    namespaces = {r["metadata"]["namespace"] for r in shop.registrations if "namespace" in r.inputs.get("metadata", {})}
    assert namespaces == {"shop"}


def test_clients_find_redis_by_its_name(shop: Recorder) -> None:
    (container,) = shop.one("Deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "REDIS_HOST", "value": "baskets-write.shop.svc"}]
    (rule,) = shop.one("NetworkPolicy", "web")["spec"]["egress"]
    (peer,) = rule["to"]
    assert peer["podSelector"]["matchLabels"] == shop.one("Service", "baskets")["spec"]["selector"]


def test_routes_lead_through_the_given_ingress_controller(shop: Recorder) -> None:
    spec = shop.one("Ingress", "shop")["spec"]
    assert spec["ingressClassName"] == "nginx"
    (rule,) = shop.one("NetworkPolicy", "shop-acme-challenges")["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}]
    assert shop.one("kubernetes:cert-manager.io/v1:Certificate")["spec"]["issuerRef"]["name"] == "letsencrypt"
