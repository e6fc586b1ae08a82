"""Users and the hashes of their passwords: a file for each user. `python -m journal_auth.passwords` makes a hash."""

import logging
import re
import sys
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A user's name: a key of a Kubernetes Secret, and never one of the kubelet's own files, which begin with two dots."""
SHORTEST, LONGEST = 12, 1024
AT_ONCE = 2
"""How many passwords are hashed at once: each takes 19 MiB, and some 30 ms of a core."""
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id as OWASP recommends it (Password Storage Cheat Sheet); one core each, which is what a pod has."""

log = logging.getLogger(__name__)


class Users:
    """Who may sign in. Files are read for each sign-in, so a user comes and goes with the file."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._limiter = folder, CapacityLimiter(AT_ONCE)
        self._nobody = HASHER.hash("nobody's password")

    async def verify(self, name: str, password: str) -> bool:
        """Whether that is the user's password. It takes the same time where there is no such user."""
        known = self._hash_of(name)
        stored = self._nobody if known is None else known
        fits = await to_thread.run_sync(_verify, stored, password, limiter=self._limiter)
        return fits and known is not None

    def _hash_of(self, name: str) -> str | None:
        if not NAME.fullmatch(name):
            return None
        try:
            stored = (self._folder / name).read_text(encoding="utf-8").strip()
            if HASHER.check_needs_rehash(stored):
                log.warning("the hash of user %s has other parameters than today's: set the password again", name)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, InvalidHashError):
            log.error("the file of user %s does not hold an argon2 hash", name)
            return None
        return stored


def _verify(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def main() -> int:
    """Prints the hash of the password on stdin; 1 when it is too short or too long."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(password) <= LONGEST:
        print(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}", file=sys.stderr)
        return 1
    print(HASHER.hash(password))
    return 0


if __name__ == "__main__":
    sys.exit(main())
