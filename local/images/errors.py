"""A failed build, and what to do about it."""

import re

from tools.failures import Failure

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
        r"NO_PUBKEY|is not signed",
        "apt does not trust the mirror of this Debian suite: `apt-get install debian-archive-keyring` brings the keys.",
    ),
    (
        r"Could not resolve|Temporary failure resolving|Unable to fetch|Failed to fetch|Unable to locate package"
        r"|does not have a Release file",
        "Debian's mirror does not answer, or lacks the suite or package: check that `apt-get update` works here.",
    ),
    (
        r"Operation not permitted|Permission denied|must be superuser",
        "Building needs root and the right to mount: in a container, run that container privileged.",
    ),
)
_DEFAULT = "The log names the cause. Remove it and run the same command again; finished images are kept."


class ImageError(Failure):
    """An image cannot be made."""


def remedy(log_tail: str) -> str:
    """What to do about a failure with this tail."""
    for pattern, advice in _REMEDIES:
        if re.search(pattern, log_tail):
            return advice
    return _DEFAULT
