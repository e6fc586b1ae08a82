"""Who may sign in: a Secret of the cluster with a key for each user, the argon2 hash of the password.

Pulumi neither makes nor reads it, so that no hash is in a stack's file or in the state. A password goes from the
terminal, or stdin, to the program that hashes it; it is in no argument, no variable and no file.
"""

import re
import subprocess
import time

from components.journal import NAMESPACE
from components.journal.auth import USERS
from local.access import Access
from tools import environments, stack
from tools.failures import Failure

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""As journal_auth/passwords.py takes them; a key of a Secret."""
APPLICATION = stack.ROOT / "apps" / "auth"


def checked_name(name: str) -> str:
    """The name. Raises Failure for one that nobody could sign in with."""
    if not NAME.fullmatch(name):
        hint = "Lower-case letters, digits, '.', '_' and '-', up to 63, the first a letter or a digit."
        raise Failure(f"{name!r} is no name of a user.", hint)
    return name


def tier_runs(here: Access) -> bool:
    """Whether the stack has a sign-in."""
    return here.run("-n", NAMESPACE, "get", "deployment", "auth", "--ignore-not-found", "-o", "name").strip() != b""


def names(here: Access) -> list[str]:
    """Who may sign in."""
    if not _exists(here):
        return []
    return sorted(here.json("-n", NAMESPACE, "get", "secret", USERS).get("data") or {})


def hashed(password: str) -> str:
    """The hash of a password, made by the sign-in's own program. Raises Failure for one that is too short or long."""
    python = environments.prepare(APPLICATION.name, APPLICATION / "requirements-dev.lock")
    made = subprocess.run(
        [str(python), "-m", "journal_auth.passwords"],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        cwd=APPLICATION,
        check=False,
    )
    if made.returncode != 0:
        raise Failure(f"That password can't be taken: {made.stderr.strip()}.", "Choose another one.")
    return made.stdout.strip()


def put(here: Access, name: str, password_hash: str) -> None:
    """Adds a user, or gives one another password."""
    if _exists(here):
        _patch(here, {"stringData": {name: password_hash}})
        return
    labels = {"app.kubernetes.io/name": "auth"}
    metadata = {"name": USERS, "namespace": NAMESPACE, "labels": labels}
    here.feed(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {name: password_hash}},
        "create",
        "-f",
        "-",
    )
    _hurry(here)


def remove(here: Access, name: str) -> None:
    """Takes a user away. Raises Failure where there is none of that name."""
    known = names(here)
    if name not in known:
        raise Failure(f"There is no user {name!r}.", f"Users: {', '.join(known)}." if known else "There is none yet.")
    _patch(here, {"data": {name: None}})


def _exists(here: Access) -> bool:
    return here.run("-n", NAMESPACE, "get", "secret", USERS, "--ignore-not-found", "-o", "name").strip() != b""


def _patch(here: Access, change: dict) -> None:
    here.feed(change, "-n", NAMESPACE, "patch", "secret", USERS, "--type=merge", "--patch-file=/dev/stdin")
    _hurry(here)


def _hurry(here: Access) -> None:
    """Makes the kubelet look at the pods now: a changed annotation is a reason to. Else it takes up to two minutes."""
    mark = f"auth/users-looked-for={int(time.time())}"
    here.run("-n", NAMESPACE, "annotate", "--overwrite", "pod", "-l", "app.kubernetes.io/name=auth", mark)
