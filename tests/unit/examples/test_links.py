"""The example `links`: another application on the journal's components, under the same rules."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest

from components.kubernetes import content_hash
from examples.links import server
from policy.rules import RULES, STACK_RULES
from policy.rules.model import Rule, StackRule
from tests.conftest import ROOT
from tests.unit.policy.violations import violations
from tools import cloud, render
from tools.recording import Recorder, run

CONFIG = {
    "links:host": "links.example.com",
    "links:email": "ops@example.com",
    "pulumi:disable-default-providers": ["*"],
}
PASSWORD = b"secret"


@pytest.fixture(scope="module")
def links() -> Recorder:
    program, recorder = ROOT / "examples/links", Recorder(cloud.Cloud())
    return run(program, recorder, project="links", stack="prod", config=CONFIG, fail_on_warnings=True)


@pytest.mark.parametrize("rule", [*RULES, *STACK_RULES], ids=lambda rule: rule.name)
def test_it_breaks_no_rule(rule: Rule | StackRule, links: Recorder) -> None:
    assert violations(rule, links.registrations) == []


def test_its_pods_are_under_the_restricted_standard(links: Recorder) -> None:
    labels = links.one("kubernetes:core/v1:Namespace", "links")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = links.one("Deployment", "links")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_requests_come_by_the_ingress_controller_and_go_on_to_redis_alone(links: Recorder) -> None:
    spec = links.one("NetworkPolicy", "links")["spec"]
    (ingress,) = spec["ingress"]
    (source,) = ingress["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "traefik"}
    assert [port["port"] for port in ingress["ports"]] == ["http"]
    assert tiers(spec["egress"], "to") == ["redis", "redis-write"]
    assert tiers(links.one("NetworkPolicy", "redis")["spec"]["ingress"], "from") == ["redis", "links", "redis-write"]
    assert tiers(links.one("NetworkPolicy", "redis-write")["spec"]["ingress"], "from") == ["links"]


def tiers(rules: list[dict[str, Any]], side: str) -> list[str]:
    return [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for rule in rules for peer in rule[side]]


def test_the_route_leads_to_the_pods(links: Recorder) -> None:
    (rule,) = links.one("Ingress", "links")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert (rule["host"], path["path"]) == ("links.example.com", "/")
    assert links.outputs == {"url": "https://links.example.com"}
    service = links.one("kubernetes:core/v1:Service", path["backend"]["service"]["name"])["spec"]
    template = links.one("Deployment", "links")["spec"]["template"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    (port,) = template["spec"]["containers"][0]["ports"]
    assert port == {"name": "http", "containerPort": server.PORT}
    assert links.one("kubernetes:cert-manager.io/v1:Certificate", "links-tls")["spec"]["dnsNames"] == [
        "links.example.com"
    ]


def test_the_program_and_the_password_are_where_the_container_looks(links: Recorder) -> None:
    pod = links.one("Deployment", "links")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (program,) = [r for r in links.of_type("ConfigMap") if r.name.startswith("links-program-")]
    assert volumes["program"]["configMap"]["name"] == program["metadata"]["name"]
    assert [f"{mounts['program']}/{name}" for name in program["data"]] == [container["command"][1]]
    assert volumes["redis-auth"]["secret"]["secretName"] == links.one("Secret", "redis-auth")["metadata"]["name"]
    assert str(server.PASSWORD_FILE.parent) == mounts["redis-auth"]
    assert {"REDIS_READ_HOST", "REDIS_WRITE_HOST"} <= {entry["name"] for entry in container["env"]}


def test_every_config_map_is_immutable_and_named_after_its_content(links: Recorder) -> None:
    declared = links.of_type("ConfigMap")
    assert len(declared) > 2
    for r in declared:
        assert r["immutable"] is True, r.label
        assert r["metadata"]["name"].endswith(f"-{content_hash(r['data'])}"), r.label


def test_its_objects_are_part_of_it(links: Recorder) -> None:
    """What it takes from the components carries its own project's name."""
    objects = [r for r in links.registrations if not r.type.endswith("Patch")]  # a patched object is the cluster's
    labelled = [r["metadata"]["labels"] for r in objects if "labels" in r.inputs.get("metadata", {})]
    assert len(labelled) > 20
    assert {labels.get("app.kubernetes.io/part-of") for labels in labelled} == {"links"}


def test_it_renders(links: Recorder, tmp_path: Path) -> None:
    render.write(links.registrations, tmp_path)
    written = {path.name for path in (tmp_path / render.MANIFESTS).iterdir()}
    assert {"links-deployment-links.yaml", "links-ingress-links.yaml", "links-statefulset-redis.yaml"} <= written
    assert "journal" not in " ".join(written)


class FakeRedis(StreamRequestHandler):
    """AUTH, SET and GET of RESP."""

    stored: dict[bytes, bytes]

    def handle(self) -> None:
        admitted = False
        while header := self.rfile.readline():
            words = [self._word() for _ in range(int(header[1:]))]
            match words:
                case [b"AUTH", password]:
                    admitted = password == PASSWORD
                    self.wfile.write(b"+OK\r\n" if admitted else b"-WRONGPASS wrong\r\n")
                case _ if not admitted:
                    self.wfile.write(b"-NOAUTH Authentication required.\r\n")
                case [b"SET", key, value]:
                    self.stored[key] = value
                    self.wfile.write(b"+OK\r\n")
                case [b"GET", key]:
                    value = self.stored.get(key)
                    self.wfile.write(b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value))

    def _word(self) -> bytes:
        word = self.rfile.read(int(self.rfile.readline()[1:]))
        self.rfile.readline()
        return word


@contextmanager
def serving(tcp: ThreadingTCPServer | ThreadingHTTPServer) -> Generator[int]:
    """A server in a thread of its own; its port."""
    thread = Thread(target=tcp.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield tcp.server_address[1]
    finally:
        tcp.shutdown()
        tcp.server_close()
        thread.join()


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The shortener's port; Redis stands beside it."""
    (tmp_path / "password").write_bytes(PASSWORD)
    handler = type("Redis", (FakeRedis,), {"stored": {}})
    with (
        serving(ThreadingTCPServer(("127.0.0.1", 0), handler)) as redis,
        serving(ThreadingHTTPServer(("127.0.0.1", 0), server.Handler)) as http,
    ):
        monkeypatch.setattr(server, "REDIS_PORT", redis)
        monkeypatch.setattr(server, "PASSWORD_FILE", tmp_path / "password")
        monkeypatch.setenv("REDIS_READ_HOST", "127.0.0.1")
        monkeypatch.setenv("REDIS_WRITE_HOST", "127.0.0.1")
        yield http


def request(port: int, method: str, path: str, body: str | None = None) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def test_a_link_redirects_once_it_is_made(port: int) -> None:
    assert request(port, "GET", "/docs").status == 404
    assert request(port, "PUT", "/docs", "https://example.com/a?b=c").status == 201
    answer = request(port, "GET", "/docs")
    assert (answer.status, answer.headers["Location"]) == (302, "https://example.com/a?b=c")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/docs", "javascript:alert(1)"), ("/docs", "https://a\r\nSet-Cookie: b"), ("/a/b", "https://example.com")],
)
def test_what_is_no_address_is_refused(port: int, path: str, body: str) -> None:
    assert request(port, "PUT", path, body).status == 400


def test_it_says_that_redis_refuses_or_is_away(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server.PASSWORD_FILE.write_bytes(b"wrong")
    assert request(port, "GET", "/docs").status == 503
    monkeypatch.setattr(server, "REDIS_PORT", 1)
    assert request(port, "PUT", "/docs", "https://example.com").status == 503
    assert request(port, "GET", "/healthz").status == 200
