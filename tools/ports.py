"""A port for a server of a test."""

import contextlib
import secrets
import socket

PORTS = range(20_000, 30_000)
"""Below those that Linux gives to outgoing connections (ip_local_port_range, from 32768), one of which took a port
between the moment it was found free and the moment its server listened; and below Kubernetes' node ports."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of this machine that nothing listens on."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket(type=kind) as listener, contextlib.suppress(OSError):
            listener.bind(("", port))
            return port
