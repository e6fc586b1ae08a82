"""The cluster's keys and certificates, as kubeadm makes them. The programs must be built; no cluster need run."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from local import cluster
from local.cluster import pki
from local.cluster.layout import Layout
from local.cluster.programs import located

pytestmark = pytest.mark.live
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def programs() -> cluster.Programs:
    found = located()
    assert found.path("kubeadm").exists(), "the programs are not built: `make up` first"
    return found


@pytest.fixture
def layout(tmp_path: Path, programs: cluster.Programs) -> Layout:
    made = Layout(tmp_path / "cache", tmp_path / "state")
    assert pki.ensure(made, programs)
    return made


def certificate(path: Path) -> x509.Certificate:
    if path.suffix == ".conf":
        user = yaml.safe_load(path.read_text())["users"][0]["user"]
        return x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    return x509.load_pem_x509_certificate(path.read_bytes())


def files(layout: Layout) -> Iterator[Path]:
    return (p for p in layout.pki.rglob("*") if p.is_file())


def contents(layout: Layout) -> dict[str, bytes]:
    return {str(p.relative_to(layout.pki)): p.read_bytes() for p in files(layout)}


def assert_whole(layout: Layout) -> None:
    for name, authority in pki.CERTIFICATES.items():
        certificate(layout.pki / name).verify_directly_issued_by(certificate(layout.pki / f"{authority}.crt"))


def test_each_certificate_is_its_authoritys(layout: Layout) -> None:
    assert_whole(layout)


def test_every_certificate_that_kubeadm_makes_is_looked_after(layout: Layout) -> None:
    made = {str(p.relative_to(layout.pki)) for p in files(layout) if p.suffix in (".crt", ".conf")}
    assert made == {*pki.CERTIFICATES, *(f"{name}.crt" for name in pki.AUTHORITIES), "admin.crt"}


def test_the_api_server_is_known_by_every_name(layout: Layout) -> None:
    extensions = certificate(layout.pki / "apiserver.crt").extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "10.96.0.1", "10.123.0.2"}
    assert {"kubernetes.default.svc", "localhost", "local"} <= set(names.get_values_for_type(x509.DNSName))


def test_nothing_changes_while_all_is_well(layout: Layout, programs: cluster.Programs) -> None:
    before = contents(layout)
    assert not pki.ensure(layout, programs, NOW + timedelta(days=300))
    assert contents(layout) == before


def test_certificates_are_renewed_before_they_end_and_keys_of_state_are_kept(
    layout: Layout, programs: cluster.Programs
) -> None:
    before, administrator = contents(layout), layout.kubeconfig.read_text()
    assert pki.ensure(layout, programs, NOW + timedelta(days=336))
    after = contents(layout)
    assert {name for name in before if before[name] == after[name]} == {
        *(f"{a}.{kind}" for a in pki.AUTHORITIES for kind in ("crt", "key")),
        "sa.key",
        "sa.pub",
        "encryption.json",
        "kubeadm.json",
    }
    assert layout.kubeconfig.read_text() != administrator
    assert_whole(layout)


@pytest.mark.parametrize("damage", ["missing", "broken", "without its key", "replaced"])
def test_a_lost_authority_takes_its_certificates_with_it(
    layout: Layout, programs: cluster.Programs, damage: str
) -> None:
    authority, other = layout.pki / "ca.crt", certificate(layout.pki / "etcd" / "server.crt")
    issued, kept = layout.pki / "apiserver.crt", (layout.pki / "apiserver.crt").read_bytes()
    if damage == "missing":
        authority.unlink()
    elif damage == "broken":
        authority.write_text("broken")
    elif damage == "without its key":
        authority.with_suffix(".key").unlink()
    else:  # an earlier run was killed after it had made the authority
        authority.unlink()
        pki.ensure(layout, programs)
        issued.write_bytes(kept)
    assert pki.ensure(layout, programs)
    assert_whole(layout)
    assert issued.read_bytes() != kept
    assert certificate(layout.pki / "etcd" / "server.crt") == other


def test_only_the_owner_reads_them(layout: Layout) -> None:
    modes = {str(p): oct(p.stat().st_mode & 0o777) for p in (*files(layout), layout.kubeconfig)}
    assert set(modes.values()) == {"0o600"}
    assert oct(layout.pki.stat().st_mode & 0o777) == "0o700"


def test_the_administrators_kubeconfig_is_whole(layout: Layout) -> None:
    document = yaml.safe_load(layout.kubeconfig.read_text())
    assert document["clusters"][0]["cluster"]["server"] == "https://10.123.0.2:6443"
    assert "O=system:masters" in certificate(layout.pki / "super-admin.conf").subject.rfc4514_string()
    assert certificate(layout.pki / "admin.crt") == certificate(layout.pki / "super-admin.conf")


def test_secrets_are_encrypted_by_a_generated_key(layout: Layout) -> None:
    (rule,) = json.loads((layout.pki / "encryption.json").read_text())["resources"]
    assert rule["resources"] == ["secrets"]
    assert len(base64.b64decode(rule["providers"][0]["secretbox"]["keys"][0]["secret"])) == 32


def test_what_kubeadm_says_is_in_the_error(layout: Layout, tmp_path: Path) -> None:
    failing = tmp_path / "bin" / "kubeadm"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\necho 'no entropy left' >&2\nexit 1\n")
    failing.chmod(0o755)
    (layout.pki / "apiserver.crt").unlink()
    with pytest.raises(cluster.ClusterError, match="no entropy left"):
        pki.ensure(layout, cluster.Programs(tmp_path))
