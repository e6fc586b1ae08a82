"""Users: a Secret that is changed key by key, and a password that is nowhere but in the hasher's stdin."""

import subprocess
from typing import Any

import pytest

from local import users
from tools import environments
from tools.failures import Failure


class Cluster:
    """Stands for kubectl: a Secret, and what it was given."""

    def __init__(self, secret: dict[str, str] | None = None) -> None:
        self.secret, self.fed, self.ran = secret, [], []

    def run(self, *arguments: str) -> bytes:
        self.ran.append(arguments)
        return b"secret/auth-users\n" if "get" in arguments and self.secret is not None else b""

    def feed(self, document: Any, *arguments: str) -> bytes:
        self.fed.append((document, arguments))
        return b""

    def json(self, *arguments: str) -> Any:
        return {"data": self.secret}


@pytest.mark.parametrize("name", ["alice", "a", "0", "a.b-c_d", "x" * 63])
def test_a_name(name: str) -> None:
    assert users.checked_name(name) == name


@pytest.mark.parametrize("name", ["", "Alice", "..data", ".a", "a/b", "a b", "x" * 64, "a\n", "-a"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Failure, match="is no name of a user"):
        users.checked_name(name)


def test_the_first_user_makes_the_secret() -> None:
    cluster: Any = Cluster()
    users.put(cluster, "alice", "$argon2id$x")
    ((document, arguments),) = cluster.fed
    assert (document["metadata"]["name"], document["stringData"]) == ("auth-users", {"alice": "$argon2id$x"})
    assert arguments == ("create", "-f", "-")


def test_another_changes_a_key_of_it_and_no_hash_is_an_argument() -> None:
    cluster: Any = Cluster({"alice": "eA=="})
    users.put(cluster, "bob", "$argon2id$x")
    users.remove(cluster, "alice")
    assert [document for document, _ in cluster.fed] == [
        {"stringData": {"bob": "$argon2id$x"}},
        {"data": {"alice": None}},
    ]
    assert "argon2id" not in str([arguments for _, arguments in cluster.fed]) + str(cluster.ran)


def test_who_is_not_there_cannot_be_removed() -> None:
    cluster: Any = Cluster({"alice": "eA=="})
    with pytest.raises(Failure, match="There is no user 'bob'") as failure:
        users.remove(cluster, "bob")
    assert "Users: alice." in failure.value.hint
    assert cluster.fed == []


def test_a_password_goes_through_stdin_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        seen.update(command=command, **options)
        return subprocess.CompletedProcess(command, 0, "$argon2id$x\n", "")

    monkeypatch.setattr(environments, "prepare", lambda name, lock: f"/venvs/{name}/python")
    monkeypatch.setattr(subprocess, "run", run)
    assert users.hashed("correct horse battery") == "$argon2id$x"
    assert seen["input"] == "correct horse battery\n"
    assert "correct horse" not in str(seen["command"])
    assert "env" not in seen


def test_a_password_that_is_refused_is_said_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "a password has 12 to 1024 characters; this one has 5"
    monkeypatch.setattr(environments, "prepare", lambda name, lock: "python")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", said))
    with pytest.raises(Failure, match="12 to 1024") as failure:
        users.hashed("short")
    assert "short" not in failure.value.message


@pytest.mark.parametrize(("found", "runs"), [(b"deployment.apps/auth\n", True), (b"", False)])
def test_whether_there_is_a_sign_in(found: bytes, runs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster: Any = Cluster()
    monkeypatch.setattr(cluster, "run", lambda *arguments: found if "deployment" in arguments else b"")
    assert users.tier_runs(cluster) is runs
