"""The definitions of the Gateway API's kinds, from its Go module: those at the address in components/versions.py."""

from pathlib import Path

from tools.golang import module_folder

SOURCES = Path(__file__).parent
MODULE = "sigs.k8s.io/gateway-api"


def definitions() -> Path:
    """The folder of its standard channel. Raises Failure."""
    return module_folder(SOURCES, MODULE) / "config" / "crd" / "standard"
