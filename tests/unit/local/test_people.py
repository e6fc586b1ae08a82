"""A person's kubeconfig: whom the certificate names, and what is left behind."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from typer.testing import CliRunner

from local import access, cli
from local.access import Access
from local.people import Role, access_as
from tools import stack
from tools.failures import Failure


@dataclass(frozen=True)
class Signer(Access):
    """A cluster that signs what is approved, with a key of its own; `signs` False: as in EKS."""

    signs: bool = True

    asked: list[str] = field(default_factory=list)
    request: dict[str, Any] = field(default_factory=dict)

    def feed(self, document: Any, *arguments: str) -> bytes:
        self.request.update(document)
        return json.dumps({"metadata": {"name": "viewer-x"}}).encode()

    def run(self, *arguments: str) -> bytes:
        self.asked.append(" ".join(arguments[:2]))
        match arguments:
            case ("wait", *_) if not self.signs:
                raise Failure("timed out waiting for the condition")
            case ("config", *_):
                return json.dumps({"clusters": [{"cluster": {"server": "https://there:6443"}}]}).encode()
            case ("get", "csr", *_):
                return json.dumps({"status": {"certificate": self._signed()}}).encode()
        return b""

    def _signed(self) -> str:
        asked = x509.load_pem_x509_csr(base64.b64decode(self.request["spec"]["request"]))
        now, name = datetime.now(UTC), x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "ca")])
        made = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(name)
            .public_key(asked.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=1))
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        )
        return base64.b64encode(made.public_bytes(Encoding.PEM)).decode()


def signer(*, signs: bool = True) -> Signer:
    return Signer(Path("kubectl"), None, Path("kubeconfig"), None, signs=signs)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack, "STATE", tmp_path / ".state")
    return tmp_path / ".state"


@pytest.mark.parametrize(("role", "group"), [(Role.VIEWER, "stack-viewers"), (Role.OPERATOR, "stack-operators")])
def test_the_certificate_names_the_group_and_fits_the_key(role: Role, group: str, state: Path) -> None:
    made = access_as(signer(), role)
    assert made.kubeconfig == state / "people" / f"{role}.kubeconfig"
    assert oct(made.kubeconfig.stat().st_mode & 0o777) == "0o600"
    assert oct(made.kubeconfig.parent.stat().st_mode & 0o777) == "0o700"
    document = json.loads(made.kubeconfig.read_text())
    assert document["clusters"][0]["cluster"] == {"server": "https://there:6443"}
    user = {name: base64.b64decode(text) for name, text in document["users"][0]["user"].items()}
    certificate = x509.load_pem_x509_certificate(user["client-certificate-data"])
    assert certificate.subject.rfc4514_string() == f"CN={role},O={group}"
    key = load_pem_private_key(user["client-key-data"], None)
    both = [
        k.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for k in (certificate.public_key(), key.public_key())
    ]
    assert both[0] == both[1]


def test_it_ends_within_a_day_and_is_for_clients_alone() -> None:
    here = signer()
    access_as(here, Role.VIEWER)
    spec = here.request["spec"]
    assert (spec["signerName"], spec["usages"]) == ("kubernetes.io/kube-apiserver-client", ["client auth"])
    assert spec["expirationSeconds"] == 86400


def test_the_request_is_taken_away_whatever_comes_of_it() -> None:
    here = signer(signs=False)
    with pytest.raises(Failure, match="signs no client certificates"):
        access_as(here, Role.VIEWER)
    assert here.asked[-1] == "delete csr"
    assert not (stack.STATE / "people").exists()


def test_the_administrator_is_who_built_the_cluster() -> None:
    here = signer()
    assert access_as(here, Role.ADMIN) is here
    assert here.asked == []


@pytest.mark.parametrize("command", ["shell", "kubectl"])
@pytest.mark.parametrize("name", ["root", "viewers", "Viewer", ""])
def test_a_role_that_is_not_there_is_told_before_a_cluster_is_asked(
    command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "access", lambda: pytest.fail("the cluster was asked"))
    result = CliRunner().invoke(cli.app, [command, "--role", name])
    said = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 1
    assert f"There is no role {name!r}." in said
    assert "AS is one of admin, operator, viewer" in said
