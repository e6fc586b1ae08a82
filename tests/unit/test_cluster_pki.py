"""The cluster's keys and certificates."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from local.cluster import pki
from local.cluster.layout import Layout

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "cache", tmp_path / "state")
    assert pki.ensure(made, NOW)
    return made


def certificate(layout: Layout, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((layout.pki / f"{name}.crt").read_bytes())


def contents(layout: Layout) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in layout.pki.iterdir()}


def test_each_certificate_is_its_authoritys(layout: Layout) -> None:
    for leaf in pki.LEAVES:
        certificate(layout, leaf.file).verify_directly_issued_by(certificate(layout, leaf.authority))


def test_the_api_server_is_known_by_every_name(layout: Layout) -> None:
    names = certificate(layout, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "10.96.0.1", "10.123.0.2"}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_nothing_changes_while_all_is_well(layout: Layout) -> None:
    before = contents(layout)
    assert not pki.ensure(layout, NOW + timedelta(days=300))
    assert contents(layout) == before


def test_certificates_are_renewed_before_they_end_and_keys_of_state_are_kept(layout: Layout) -> None:
    before, admin = contents(layout), layout.kubeconfig.read_text()
    assert pki.ensure(layout, NOW + timedelta(days=336))
    after = contents(layout)
    assert {n for n in before if before[n] == after[n]} == {
        *(f"{a}.{kind}" for a in pki.AUTHORITIES for kind in ("crt", "key")),
        "service-account.key",
        "service-account.pub",
        "encryption.json",
    }
    assert layout.kubeconfig.read_text() != admin


@pytest.mark.parametrize("damage", ["missing", "broken", "replaced"])
def test_a_lost_authority_takes_its_certificates_with_it(layout: Layout, damage: str) -> None:
    path, other = layout.pki / "ca.crt", certificate(layout, "etcd")
    if damage == "missing":
        path.unlink()
    elif damage == "broken":
        path.write_text("broken")
    else:  # an earlier run was killed after it had made the authority
        path.unlink()
        (layout.pki / "apiserver.crt").rename(layout.pki / "old")
        pki.ensure(layout, NOW)
        (layout.pki / "old").rename(layout.pki / "apiserver.crt")
    assert pki.ensure(layout, NOW)
    for leaf in pki.LEAVES:
        certificate(layout, leaf.file).verify_directly_issued_by(certificate(layout, leaf.authority))
    assert certificate(layout, "etcd") == other


def test_only_the_owner_reads_them(layout: Layout) -> None:
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in (*layout.pki.iterdir(), layout.kubeconfig)}
    assert set(modes.values()) == {"0o600"}
    assert oct(layout.pki.stat().st_mode & 0o777) == "0o700"


def test_the_administrators_kubeconfig_is_whole(layout: Layout) -> None:
    document = json.loads(layout.kubeconfig.read_text())
    assert document["clusters"][0]["cluster"]["server"] == "https://10.123.0.2:6443"
    data = base64.b64decode(document["users"][0]["user"]["client-certificate-data"])
    assert "O=system:masters" in x509.load_pem_x509_certificate(data).subject.rfc4514_string()


def test_secrets_are_encrypted_by_a_generated_key(layout: Layout) -> None:
    (rule,) = json.loads((layout.pki / "encryption.json").read_text())["resources"]
    assert rule["resources"] == ["secrets"]
    assert len(base64.b64decode(rule["providers"][0]["secretbox"]["keys"][0]["secret"])) == 32
