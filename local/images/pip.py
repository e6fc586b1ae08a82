"""How the machine reaches its Python package index, for builds that run pip."""

import configparser
import io
from collections.abc import Mapping
from pathlib import Path

from tools.files import write_atomically

# What says where packages come from; nothing that says where they go.
OPTIONS = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("proxy", "retries", "timeout", "default-timeout"),
)
CA_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
IMAGE_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CONFIGURATION = "/etc/pip.conf"  # of this machine, and of an image


def options(environment: Mapping[str, str], machine: Path = Path(CONFIGURATION)) -> dict[str, str]:
    """The user's values of OPTIONS: pip's files in pip's order, then the variables PIP_…, which win."""
    home = Path(environment.get("HOME", "/root"))
    parser = configparser.RawConfigParser()
    own = environment.get("PIP_CONFIG_FILE", "")
    parser.read([machine, home / ".pip/pip.conf", home / ".config/pip/pip.conf", own])
    found = {}
    for option in OPTIONS:
        for section in ("global", "install"):
            found |= {option: parser.get(section, option)} if parser.has_option(section, option) else {}
        variable = environment.get(f"PIP_{option.upper().replace('-', '_')}")
        found |= {option: variable} if variable else {}
    return found


def volumes(environment: Mapping[str, str], folder: Path) -> list[str]:
    """What to mount (as host:image:ro) so that pip in a build reaches the index; writes pip.conf into `folder`.

    Mounted are the user's options, the first CA bundle that the environment names and that is there, and the folders
    among the values of find-links, without the empty ones: a mount leaves its place in the image.
    """
    values = options(environment)
    parser, text = configparser.RawConfigParser(), io.StringIO()
    parser["global"] = {**values, "cert": IMAGE_CA_BUNDLE}
    parser.write(text)
    write_atomically(folder / "pip.conf", text.getvalue(), mode=0o600)  # an index's URL may hold a password
    bundles = [Path(environment[name]) for name in CA_BUNDLES if environment.get(name)]
    links = [Path(link) for link in values.get("find-links", "").split() if link.startswith("/")]
    return [
        f"{folder / 'pip.conf'}:{CONFIGURATION}:ro",
        *[f"{bundle}:{IMAGE_CA_BUNDLE}:ro" for bundle in bundles if bundle.is_file()][:1],
        *(f"{link}:{link}:ro" for link in links if link.is_dir() and any(link.iterdir())),
    ]
