"""Whether a component answers."""

import http.client
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from local.supervisor.spec import Probe

TIMEOUT_SECONDS = 1.0


def tls(pki: Path, ca: str, certificate: str) -> ssl.SSLContext:
    """Trust one authority of the PKI folder, and show one of its certificates."""
    context = ssl.create_default_context(cafile=str(pki / f"{ca}.crt"))
    context.load_cert_chain(str(pki / f"{certificate}.crt"), str(pki / f"{certificate}.key"))
    return context


class Prober:
    """Asks components, and keeps the TLS settings for the next time."""

    def __init__(self, pki: Path) -> None:
        self._pki, self._contexts = pki, dict[tuple[str, str], ssl.SSLContext]()

    def ready(self, probe: Probe | None) -> bool:
        """One quick question; no probe means yes."""
        if probe is None:
            return True
        try:
            return self._connects(probe.unix) if probe.unix else self._answers(probe)
        except (OSError, http.client.HTTPException):
            return False

    def _connects(self, path: str) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.connect(path)
        return True

    def _answers(self, probe: Probe) -> bool:
        names = probe.ca, probe.certificate
        if names not in self._contexts:
            self._contexts[names] = tls(self._pki, *names)
        url = urlsplit(probe.https)
        connection = http.client.HTTPSConnection(
            url.hostname or "", url.port, timeout=TIMEOUT_SECONDS, context=self._contexts[names]
        )
        try:
            connection.request("GET", url.path)
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()
