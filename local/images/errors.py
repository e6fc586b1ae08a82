"""What a failed build tells its user."""

import re

from tools.failures import Failure

TAIL, WIDTH = 15, 240  # lines of a log that an error shows, and characters of each

# The first pattern found in a log's tail chooses the remedy.
_REMEDIES = (
    (r"No space left on device", "Free some space on the disk of the cache folder, then run it again."),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLError",
        "The network replaces TLS certificates: name its CA bundle in PIP_CERT or SSL_CERT_FILE.",
    ),
    (
        r"Could not find a version|No matching distribution|Failed to establish a new connection|Read timed out",
        "The Python package index does not answer or lacks the package: check PIP_INDEX_URL and `pip download`.",
    ),
    (
        r"Could not resolve|Temporary failure resolving|Unable to fetch|Failed to fetch|Unable to locate package",
        "Debian's package mirror does not answer or lacks the package: check that `apt-get update` works here.",
    ),
    (
        r"Operation not permitted|Permission denied|must be superuser",
        "Run it as root, in a container only with the right to mount (privileged).",
    ),
)
_DEFAULT = "Read the log, remove the cause, and run the same command again: finished images are kept."


class ImageError(Failure):
    """An image cannot be made."""


def tail(log: str) -> str:
    """The last lines of `log` that say something, the long ones cut."""
    lines = [line.rstrip() if len(line) <= WIDTH else f"{line[:WIDTH]}…" for line in log.splitlines() if line.strip()]
    return "\n".join(lines[-TAIL:])


def remedy(log_tail: str) -> str:
    """What to do about a failure with this tail."""
    for pattern, advice in _REMEDIES:
        if re.search(pattern, log_tail):
            return advice
    return _DEFAULT
