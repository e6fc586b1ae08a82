"""Headless Chromium that trusts one certificate authority and finds one host at one address."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, Playwright

FLAGS = [
    "--no-sandbox",  # Chromium's sandbox refuses root.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program(name: str, package: str) -> str:
    """The program's path. Fails the test with the remedy when it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is not on PATH: run `apt-get install {package}`", pytrace=False)
    return path


def trust(home: Path, ca: Path | None) -> None:
    """A certificate store in `home`, with every authority of the file in it where one is given."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    certutil = program("certutil", "libnss3-tools")
    subprocess.run([certutil, "-N", "-d", f"sql:{store}", "--empty-password"], check=True)
    if ca is not None:
        for number, root in enumerate(x509.load_pem_x509_certificates(ca.read_bytes())):
            command = [certutil, "-A", "-d", f"sql:{store}", "-n", f"journal {number}", "-t", "C,,", "-a"]
            subprocess.run(command, check=True, input=root.public_bytes(Encoding.PEM))


def launch(playwright: Playwright, *, host: str, address: str, home: Path, ca: Path | None) -> Browser:
    """A browser with a fresh profile that sends `host` to `address` and every other name nowhere."""
    trust(home, ca)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return playwright.chromium.launch(
        executable_path=program("chromium", "chromium"),
        args=[*FLAGS, f"--host-resolver-rules=MAP {host} {address}, MAP * ~NOTFOUND, EXCLUDE {address}"],
        env={**environment, "HOME": str(home)},
    )
