"""buildah works in folders of its own, without a daemon or a registry."""

import stat
from pathlib import Path

import pytest

from local.images.buildah import Buildah, BuildahBuilder, write_private
from local.images.errors import ImageError
from local.images.store import Store


def test_buildah_builds_without_daemon_or_registry() -> None:
    arguments = Buildah(Path("/w")).build(
        "localhost/a:v1", Path("/w/a"), Path("/w/a/Dockerfile"), {"VERSION": "1.0.0"}, ["/w/pip.conf:/etc/pip.conf:ro"]
    )
    assert {"--isolation=chroot", "--pull-never", "--signature-policy=/w/policy.json"} < set(arguments)
    assert {"--build-arg=VERSION=1.0.0", "--volume=/w/pip.conf:/etc/pip.conf:ro", "--tag=localhost/a:v1"} < set(
        arguments
    )
    assert arguments[-1] == "/w/a"


def test_buildah_keeps_away_from_the_machine_s_storage() -> None:
    assert {value.startswith("/w/") for value in Buildah(Path("/w")).environment().values()} == {True}


def test_an_archive_holds_the_full_name() -> None:
    saved = Buildah(Path("/w")).save("docker.io/valkey/valkey:8.1.1", Path("/w/valkey.tar"))
    assert saved[-1] == "docker-archive:/w/valkey.tar:docker.io/valkey/valkey:8.1.1"


def test_a_missing_program_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match="missing: mmdebstrap buildah") as error:
        BuildahBuilder(Store(tmp_path, "buildah"), tmp_path).check()
    assert error.value.hint == "apt-get install mmdebstrap buildah"


def test_secrets_of_the_package_index_are_for_root_alone(tmp_path: Path) -> None:
    path = write_private(tmp_path / "pip.conf", "[global]")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
