"""How the machine reaches its Python package index, for builds that run pip."""

import configparser
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

# What says where packages come from; nothing that says where they go.
OPTIONS = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("proxy", "retries", "timeout", "default-timeout"),
)
CA_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
IMAGE_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
IMAGE_CONFIGURATION = "/etc/pip.conf"


def _user_files(environment: Mapping[str, str]) -> list[Path]:
    home = Path(environment.get("HOME", "/root"))
    named = [Path(environment["PIP_CONFIG_FILE"])] if environment.get("PIP_CONFIG_FILE") else []
    return [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf", *named]


def options(environment: Mapping[str, str], files: Iterable[Path] | None = None) -> dict[str, str]:
    """The user's values of OPTIONS: pip's files in pip's order, then the variables PIP_…, which win."""
    parser = configparser.RawConfigParser()
    parser.read(_user_files(environment) if files is None else files)
    found = {}
    for option in OPTIONS:
        for section in ("global", "install"):
            found |= {option: parser.get(section, option)} if parser.has_option(section, option) else {}
        variable = environment.get(f"PIP_{option.upper().replace('-', '_')}")
        found |= {option: variable} if variable else {}
    return found


def configuration(values: Mapping[str, str]) -> str:
    """pip.conf with `values` and the CA bundle at its place in the image."""
    parser = configparser.RawConfigParser()
    parser["global"] = {**values, "cert": IMAGE_CA_BUNDLE}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def ca_bundle(environment: Mapping[str, str]) -> Path | None:
    """The first CA bundle that the environment names and that is there."""
    named = (Path(environment[name]) for name in CA_BUNDLES if environment.get(name))
    return next((path for path in named if path.is_file()), None)


def link_folders(values: Mapping[str, str]) -> list[Path]:
    """The folders of this machine among the values of find-links, without the empty ones: a mount leaves its place."""
    links = (Path(link) for link in values.get("find-links", "").split() if link.startswith("/"))
    return [link for link in links if link.is_dir() and any(link.iterdir())]
