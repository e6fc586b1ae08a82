"""A failed build says what to do."""

import pytest

from local.images.errors import remedy


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("E: Failed to fetch http://mirror.test/x.deb 404", "apt-get update"),
        ("W: Failed to fetch http://mirror.test/InRelease NO_PUBKEY 6ED0E7B82643E131", "debian-archive-keyring"),
        ("E: The repository 'http://mirror.test trixie Release' does not have a Release file.", "lacks the suite"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "PIP_CERT"),
        ("ERROR: No matching distribution found for granian==99", "PIP_INDEX_URL"),
        ("write /w/storage: No space left on device", "Free some space"),
        ("E: unshare failed: Operation not permitted", "privileged"),
        ("something else", "The log names the cause"),
    ],
)
def test_a_failure_says_what_to_do(line: str, advice: str) -> None:
    assert advice in remedy(line)
