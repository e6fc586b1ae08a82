"""What the environment tells the API, checked whole before anything starts."""

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field, FilePath, IPvAnyNetwork, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MAX_JOURNAL_ENTRIES = 1_000
MAX_DRAIN_SECONDS = 60
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_LABEL}(\.{_LABEL})*(:(?P<port>[1-9][0-9]{{0,4}}))?")
_SENT_WITHOUT_PORT = {"http": "80", "https": "443"}
_DSN = re.compile(r"https?://[0-9A-Za-z]+@[A-Za-z0-9.-]+(:\d{1,5})?/\d+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")

# Where pods and load balancers have their addresses (RFC 1918, 6598, 4193), and this machine.
_PRIVATE = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,::1/128,fc00::/7"

Port = Annotated[int, Field(ge=1, le=65535)]


class Address(NamedTuple):
    host: str
    port: int


def _by_comma(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _addresses(value: object) -> object:
    """Of `host:port,host:port`."""
    parts = _by_comma(value)
    if not isinstance(parts, tuple):
        return value
    found = [(part, *part.rpartition(":")) if isinstance(part, str) else part for part in parts]
    if wrong := [part for part, host, _, port in found if not (_HOST.fullmatch(host) and port.isdecimal())]:
        raise ValueError(f"{', '.join(map(repr, wrong))} is not host:port")
    return tuple(Address(host, int(port)) for _, host, _, port in found)


Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_by_comma)]
Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)]


class SettingsError(Exception):
    """The environment holds mistakes. `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


def _by_index(value: object) -> object:
    """The values of `NAME__0`, `NAME__1`, … in the order of their index."""
    if not isinstance(value, dict):
        return value
    if wrong := [key for key in value if not str(key).isdecimal()]:
        raise ValueError(f"indices must be numbers (WEB__CROSS_ORIGIN__0, …__1), not {', '.join(map(str, wrong))}")
    return [value[key] for key in sorted(value, key=int)]


def is_origin(text: str) -> bool:
    """Whether a browser may send this as `Origin`: in lower case, without the scheme's own port.

    tests/origins.json holds examples, which the stacks' settings are tested by too.
    """
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return False
    port = found["port"]
    return port is None or (int(port) <= 65535 and port != _SENT_WITHOUT_PORT[found["scheme"]])


class Web(BaseModel, extra="forbid"):
    """Whose pages may call the API: origins as a browser sends them, such as `https://example.org`."""

    cross_origin: Annotated[tuple[str, ...], BeforeValidator(_by_index)] = ()

    @field_validator("cross_origin")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [origin for origin in origins if not is_origin(origin)]:
            raise ValueError(
                f"{', '.join(map(repr, wrong))} is not an origin: write http(s)://host or http(s)://host:port, "
                "in lower case, with no path, no wildcard and not the scheme's own port"
            )
        return origins


class Login(BaseModel, extra="forbid"):
    """Who may ask.

    writes: whether writes need a token of the sign-in. reads: `signedIn` when reads need one too.
    issuer, audience: what a token must say of who made it and for whom (RFC 7519, 4.1).
    keys_file: the public keys that verify tokens, a JWK set.
    """

    writes: bool = True
    reads: Literal["open", "signedIn"] = "open"
    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    keys_file: FilePath = Path("/etc/auth-keys/keys.json")


class Settings(BaseSettings):
    """The API's settings. Nothing secret is among them: the password is in a file.

    login: what needs a token, and which tokens count; without it nothing does.
    journal_max_entries: how many entries the journal may hold; 0 is no limit but Redis's memory.
    read_patience: for how many seconds a read is tried again that no server answers, while another becomes primary.
    read_stale: for how many seconds a read that no server answers gets the last answer, with its age; 0 is never.
    redis_durability: `fast` answers a write when the primary has it, `safe` when another server has it too.
    redis_sentinels: `host:port` of each Sentinel, comma between: they tell the address of the primary that they call
    `redis_sentinel_primary`. With none, `redis_write_host` is the primary's.
    start_patience: for how many seconds a new process waits for the primary before it is ready to read alone.
    trusted_proxies: networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="ignore", frozen=True)

    journal_entries: Annotated[int, Field(ge=1, le=MAX_JOURNAL_ENTRIES)] = 10
    journal_max_entries: Annotated[int, Field(ge=0)] = 0
    web: Web = Web()
    login: Login | None = None
    trusted_proxies: Annotated[Networks, Field(validate_default=True)] = _PRIVATE  # ty: ignore[invalid-assignment]
    environment: Literal["local", "dev", "staging", "prod"] = "local"
    redis_read_host: str = "redis"
    redis_write_host: str = "redis-write"
    redis_port: Port = 6379
    redis_sentinels: Addresses = ()
    redis_sentinel_primary: Annotated[str, Field(min_length=1)] = "journal"
    read_patience: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 5
    read_stale: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 300
    start_patience: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 15
    redis_durability: Literal["fast", "safe"] = "fast"
    redis_password_file: FilePath = Path("/etc/redis-auth/password")
    drain_seconds: Annotated[float, Field(ge=0, le=MAX_DRAIN_SECONDS, allow_inf_nan=False)] = 5
    http_port: Port = 8080
    management_port: Port = 8081
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    sentry_dsn: str | None = None
    version: str = "0.0.0"
    commit: str = "unknown"

    @field_validator("login")
    @classmethod
    def _holds_keys(cls, login: Login | None) -> Login | None:
        if login is not None:
            from .login import read_keys

            read_keys(login.keys_file.read_bytes())
        return login

    @field_validator("redis_read_host", "redis_write_host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("must be a host name or an IP address, with no port")
        return host

    @field_validator("sentry_dsn")
    @classmethod
    def _is_dsn(cls, dsn: str | None) -> str | None:
        if dsn is not None and not _DSN.fullmatch(dsn):
            raise ValueError("must be a DSN as Sentry shows it, https://KEY@HOST/PROJECT, or not be set")
        return dsn

    @field_validator("redis_password_file")
    @classmethod
    def _holds_a_password(cls, path: Path) -> Path:
        try:
            read_password(path)
        except (OSError, ValueError) as error:
            raise ValueError(str(error)) from error
        return path


def read_password(path: Path) -> str:
    """The first line of the file.

    Raises OSError when it cannot be read, ValueError when it holds no password. Neither message holds its content.
    """
    try:
        password = path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text") from None
    if not password:
        raise ValueError("the file is empty: its first line must be the password of Redis")
    return password


def load_settings() -> Settings:
    """The settings of this process's environment. Raises SettingsError with every mistake in it."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_mistake(details) for details in error.errors()]) from None


def _mistake(details) -> str:
    """One line: variable, what was given, what is allowed or to be done."""
    name = "__".join(str(part) for part in details["loc"]).upper()
    given = "" if isinstance(details["input"], (dict, list, tuple)) else f"={str(details['input'])!r}"
    return f"{name}{given}: {details['msg'].removeprefix('Value error, ')}{_remedy(name, str(details['input']))}"


def _remedy(name: str, given: str) -> str:
    if name.endswith("_PORT") and given.startswith("tcp://"):
        return f" (Kubernetes sets this for a service of that name: set {name} or enableServiceLinks: false in the pod)"
    if name == "REDIS_PASSWORD_FILE":
        return " (mount the Secret with the password of Redis there, or name the file that holds it)"
    return ""
