"""Archives of our programs' images, and which archives are imported."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from local.cluster import images
from local.cluster.errors import ClusterError
from local.cluster.images import Image
from local.cluster.programs import Programs


@pytest.fixture
def image(tmp_path: Path) -> Image:
    program = tmp_path / "program"
    program.write_text("#!")
    program.chmod(0o755)
    return Image("example.test/program:1.0", {"/usr/bin/program": program}, ["/usr/bin/program"])


def test_a_layer_has_the_files_and_their_folders(image: Image) -> None:
    with tarfile.open(fileobj=io.BytesIO(images.layer(image.files))) as tar:
        members = {m.name: m for m in tar.getmembers()}
    assert {"usr", "usr/bin", "usr/bin/program", "tmp", "etc", "etc/passwd"} <= set(members)
    assert members["usr/bin/program"].mode == 0o755
    assert members["tmp"].mode == 0o1777
    assert {(m.uid, m.mtime) for m in members.values()} == {(0, 0)}


def test_an_archive_is_the_same_each_time_and_named(image: Image, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    images.write_archive(image, "amd64", one)
    images.write_archive(image, "amd64", two)
    assert one.read_bytes() == two.read_bytes()
    assert images.image_names(one) == [image.name]


def test_an_image_does_not_run_as_root(image: Image, tmp_path: Path) -> None:
    images.write_archive(image, "amd64", tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        blobs = [tar.extractfile(m) for m in tar.getmembers() if m.name.startswith("blobs/")]
        texts = [b.read() for b in blobs if b is not None]
    (config,) = [json.loads(t) for t in texts if t.startswith(b'{"architecture"')]
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["/usr/bin/program"]


def test_our_images_have_upstreams_names_and_no_root() -> None:
    found = images.program_images(Programs(Path("/programs")))
    assert [i.name for i in found] == [
        "registry.k8s.io/pause:3.10",
        "registry.k8s.io/coredns/coredns:v1.14.7",
        "docker.io/library/traefik:v3.6.12",
        "ghcr.io/letsencrypt/pebble:2.10.1",
        "quay.io/jetstack/cert-manager-controller:v1.21.2",
        "quay.io/jetstack/cert-manager-webhook:v1.21.2",
        "quay.io/jetstack/cert-manager-cainjector:v1.21.2",
        "quay.io/jetstack/cert-manager-acmesolver:v1.21.2",
    ]
    assert all(not i.user.startswith("0") for i in found)


@pytest.mark.parametrize(
    ("manifest", "names"),
    [
        ([{"RepoTags": ["a:1", "b:2"]}, {"RepoTags": None}], ["a:1", "b:2"]),
        ({"manifests": [{"annotations": {"org.opencontainers.image.ref.name": "c:3"}}, {}]}, ["c:3"]),
        ({"manifests": [{"annotations": {"io.containerd.image.name": "d:4"}}]}, ["d:4"]),
        ({}, []),
    ],
)
def test_names_in_a_manifest(manifest: object, names: list[str]) -> None:
    assert images.names_in(manifest) == names


def test_another_tar_is_no_image(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w"):
        pass
    with pytest.raises(ClusterError, match="no image archive"):
        images.image_names(tmp_path / "x.tar")


OLD, NEW = Path("/old.tar"), Path("/new.tar")


@pytest.mark.parametrize(
    ("records", "present", "expected"),
    [
        ({}, {}, [OLD, NEW]),
        ({"o": {"a:1": "sha256:1"}}, {"a:1": "sha256:1"}, [NEW]),
        ({"o": {"a:1": "sha256:1"}}, {}, [OLD, NEW]),
        ({"o": {"a:1": "sha256:1"}}, {"a:1": "sha256:2"}, [OLD, NEW]),
    ],
)
def test_what_to_import(records: dict, present: dict, expected: list[Path]) -> None:
    assert images.wanted({OLD: "o", NEW: "n"}, records, present) == expected
