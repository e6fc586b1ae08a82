"""The components as a package: what pip installs, and what Pulumi programs in other languages get of it."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from tests.conftest import ROOT
from tools.recording import Recorder

PROVIDER = ROOT / "provider"
PROJECT, STACK = "shop", "test"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(build, check=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def test_the_wheel_has_every_file_of_the_components_and_nothing_else(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "components"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == set(listed.stdout.split())


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Pulumi's engine as components see it: a Recorder behind gRPC."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def SupportsFeature(self, request: resource_pb2.SupportsFeatureRequest, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest, context: Any) -> Any:
        return self._recorder.RegisterResource(request)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest, context: Any) -> Any:
        self._recorder.RegisterResourceOutputs(request)
        return empty_pb2.Empty()  # ty: ignore[missing-attribute]


class Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()  # ty: ignore[missing-attribute]


class Named(Recorder):
    """A Recorder outside of a Pulumi program, whose requests come from another process."""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        above = f"{parent.split('::')[2]}$" if parent else ""
        return f"urn:pulumi:{STACK}::{PROJECT}::{above}{type_}::{name}"


@pytest.fixture
def recorder() -> Recorder:
    return Named()


@pytest.fixture
def address(recorder: Recorder) -> Iterator[str]:
    """Where Pulumi's engine answers."""
    server = grpc.server(ThreadPoolExecutor(4))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(recorder), server)
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture
def provider(installed: Path, address: str, tmp_path: Path) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """The package's process, with the installed components alone."""
    command = [sys.executable, "-P", PROVIDER / "__main__.py", address]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.kill()


def test_its_schema_tells_other_languages_what_there_is(provider: provider_pb2_grpc.ResourceProviderStub) -> None:
    schema = json.loads(provider.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert (schema["name"], schema["version"]) == ("journal", "1.0.0")
    found = {token: sorted(resource["requiredInputs"]) for token, resource in schema["resources"].items()}
    assert found == {
        "journal:index:AcmeIssuer": ["account", "email", "ingressClass", "server"],
        "journal:index:Admission": ["registries"],
        "journal:index:Certificate": ["hosts", "issuer", "namespace", "secretName"],
        "journal:index:People": ["application"],
    }
    assert all(resource["isComponent"] for resource in schema["resources"].values())


def test_a_component_is_made_by_the_package(
    provider: provider_pb2_grpc.ResourceProviderStub, recorder: Recorder, address: str
) -> None:
    request = provider_pb2.ConstructRequest(
        project=PROJECT, stack=STACK, monitorEndpoint=address, type="journal:index:Certificate", name="web"
    )
    request.inputs.update(
        {"namespace": "shop", "hosts": ["shop.example"], "issuer": "letsencrypt", "secretName": "shop-tls"}
    )
    answer = provider.Construct(request)
    certificate = recorder.one("kubernetes:cert-manager.io/v1:Certificate")
    assert certificate["spec"]["dnsNames"] == ["shop.example"]
    assert certificate["spec"]["secretName"] == "shop-tls"
    assert certificate["metadata"]["namespace"] == "shop"
    assert certificate.parent == answer.urn
