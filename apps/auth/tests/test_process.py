"""Starting and ending."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from journal_auth.passwords import HASHER

from .processes import PASSWORD, Auth


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ISSUER", "", "at least 1"),
        ("SESSION_SECONDS", "5", "greater than or equal to 10"),
        ("SIGNING_KEY_FILE", "/nowhere", "does not point to a file"),
        ("SIGNING_KEY_FILE", __file__, "not JSON"),
        ("USERS_FOLDER", "/nowhere", "does not point to a directory"),
        ("HTTP_PORT", "tcp://10.0.0.1:80", "valid integer"),
        ("LOG_LEVEL", "loud", "'debug'"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    ended = Auth(tmp_path / "auth", **{name: value}).run()
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[1].strip().startswith(name)
    assert says in ended.stderr


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    auth = Auth(tmp_path / "auth")
    auth.environment["KEYS_FILE"] = str(tmp_path / "wrong.json")
    (tmp_path / "wrong.json").write_text(f'{{"keys": [{auth.signing_file.read_text()}]}}')
    ended = auth.run()
    assert ended.returncode == 2
    assert "a key is a private one" in ended.stderr
    assert auth.keys[0].private_jwk["d"] not in ended.stderr


def test_sigterm_drains_and_ends_with_0(auth: Auth) -> None:
    assert auth.process is not None
    auth.process.send_signal(signal.SIGTERM)
    assert auth.process.wait(10) == 0


def test_a_hash_is_made_of_stdin() -> None:
    command = [sys.executable, "-m", "journal_auth.passwords"]
    root = Path(__file__).parent.parent
    made = subprocess.run(command, input=f"{PASSWORD}\n", capture_output=True, text=True, cwd=root, timeout=30)
    assert HASHER.verify(made.stdout.strip(), PASSWORD)
    short = subprocess.run(command, input="short\n", capture_output=True, text=True, cwd=root, timeout=30)
    assert (short.returncode, short.stdout) == (1, "")
    assert "12 to 1024 characters; this one has 5" in short.stderr
