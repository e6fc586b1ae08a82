"""What the environment tells the sign-in, checked whole before anything starts."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, DirectoryPath, Field, FilePath, IPvAnyNetwork, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .keys import KeysError, read_public, read_signing

# Where pods and load balancers have their addresses (RFC 1918, 6598, 4193), and this machine.
_PRIVATE = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,::1/128,fc00::/7"

Port = Annotated[int, Field(ge=1, le=65535)]


def _by_comma(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_by_comma)]


class SettingsError(Exception):
    """The environment holds mistakes. `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class Settings(BaseSettings):
    """The sign-in's settings. Nothing secret is among them: keys and hashes of passwords are in files.

    issuer, audience: what tokens say of who made them and for whom (RFC 7519, 4.1).
    session_seconds: how long a token is valid.
    signing_key_file: the private key that signs, a JWK (RFC 8037). keys_file: the public keys that verify, a JWK set.
    users_folder: a file for each user, with the user's name, that holds the argon2 hash of the password.
    trusted_proxies: networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    session_seconds: Annotated[int, Field(ge=10, le=86_400)] = 3600
    signing_key_file: FilePath = Path("/etc/auth-signing-key/key.json")
    keys_file: FilePath = Path("/etc/auth-keys/keys.json")
    users_folder: DirectoryPath = Path("/etc/auth-users")
    trusted_proxies: Annotated[Networks, Field(validate_default=True)] = _PRIVATE  # ty: ignore[invalid-assignment]
    drain_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 5
    http_port: Port = 8080
    management_port: Port = 8081
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    version: str = "0.0.0"
    commit: str = "unknown"

    @field_validator("signing_key_file")
    @classmethod
    def _holds_a_signing_key(cls, path: Path) -> Path:
        try:
            read_signing(path.read_bytes())
        except (OSError, KeysError) as error:
            raise ValueError(str(error)) from None
        return path

    @field_validator("keys_file")
    @classmethod
    def _holds_public_keys(cls, path: Path) -> Path:
        try:
            read_public(path.read_bytes())
        except (OSError, KeysError) as error:
            raise ValueError(str(error)) from None
        return path


def load_settings() -> Settings:
    """The settings of this process's environment. Raises SettingsError with every mistake in it."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_mistake(details) for details in error.errors()]) from None


def _mistake(details) -> str:
    name = "__".join(str(part) for part in details["loc"]).upper()
    given = f"={str(details['input'])!r}" if isinstance(details["input"], str | Path) else ""
    return f"{name}{given}: {details['msg'].removeprefix('Value error, ')}"
