"""The base of all settings, and the types of their values, each with a rule that says how to mend what breaks it."""

import ipaddress
import re
from decimal import Decimal
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.functional_serializers import PlainSerializer
from pydantic.functional_validators import WrapValidator
from pydantic.json_schema import WithJsonSchema


class Model(BaseModel):
    """Settings are frozen and strict: camelCase keys, no key that they do not know, nothing twice in a list."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = None if info.field_name is None else cls.model_fields[info.field_name].annotation
        if isinstance(value, bool) and (annotation is int or int in map(type, get_args(annotation))):
            raise ValueError("is a boolean to YAML; write a number")
        return value

    @field_validator("*")
    @classmethod
    def _nothing_twice(cls, value: Any) -> Any:
        texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if twice := [text for text in texts if texts.count(text) > 1]:
            raise ValueError(f"{twice[0]} is named twice; name it once")
        return value


class SecretText(str):
    """Text that the stack's configuration keeps encrypted. No message shows it, and the state keeps it encrypted."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "[secret]"


def is_secret(text: str) -> bool:
    """Whether the stack's configuration keeps this text encrypted."""
    return isinstance(text, SecretText)


SEALED_DSN = SecretText("https://00000000000000000000000000000000@sealed.example.com/0")
"""Stands for a Sentry DSN that only Pulumi's engine can decrypt, wherever a stack's file is read without it."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_LABELS = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.(?![0-9]+\Z){_LABEL}")
_KUBERNETES_NAME = re.compile(_LABEL)
_REPOSITORY = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORIES = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")
_IMAGE = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*(?::(?P<port>[1-9][0-9]{{0,4}}))?/)?{_REPOSITORY}(?:/{_REPOSITORY})*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:(?P<suffix>[num]|[kMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
_SUFFIXES = {
    **{s: Decimal(1000) ** -i for i, s in enumerate("mun", 1)},
    "": Decimal(1),
    **{s: Decimal(1000) ** i for i, s in enumerate("kMGTPE", 1)},
    **{f"{s}i": Decimal(1024) ** i for i, s in enumerate("KMGTPE", 1)},
}
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_LABEL}(?:\.{_LABEL})*(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_DSN = re.compile(r"https://[0-9a-f]{32}@(?P<host>[^/:@\s]+)(?::(?P<port>[1-9][0-9]{0,4}))?/[0-9]+")
_ARN = re.compile(
    r"arn:aws:iam::[0-9]{12}:(?:role|user)/(?=.{1,576}\Z)(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}"
)
_MAILBOX = r"[A-Za-z0-9_'&=~+-]+"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_MAILBOX}(?:\.{_MAILBOX})*@(?P<host>[^@]+)")
_ACCOUNT = re.compile(r"[0-9]{12}")
RESERVED_TLDS = ("test", "example", "invalid", "localhost", "local", "internal")
"""Top-level domains whose names no public CA issues certificates for (RFC 2606, RFC 6761, RFC 6762)."""
NO_MAILBOXES = ("example.com", "example.net", "example.org")
"""Domains that Let's Encrypt takes no mail address of (Boulder, `forbiddenMailDomains`)."""
DEFAULT_PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65535
CPU_UNITS, BYTE_UNITS = ("", "m"), ("", "k", *"MGTPE", *(f"{s}i" for s in "KMGTPE"))
LARGEST = Decimal(2**63 - 1)
"""Kubernetes API, `resource.Quantity`."""
LEAST = {"cpu": Decimal("0.001"), "memory": Decimal(4 * 1024**2), "storage": Decimal(64 * 1024**2)}
"""A thousandth of a core is Kubernetes' finest share; with less memory no container starts; Redis' files need room."""


def quantity(text: str) -> Decimal:
    """The size of a Kubernetes quantity ("250m", "64Mi", "1e3") in its base unit. Raises ValueError for other text.

    Source: Kubernetes API, `resource.Quantity`, without signs.
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError("is no Kubernetes quantity; write a number with a unit, like 250m (CPU) or 64Mi (bytes)")
    size = Decimal(found["number"]) * _SUFFIXES[found["suffix"] or ""] * Decimal(10) ** int(found["exponent"] or 0)
    if size > LARGEST:
        raise ValueError("is more than Kubernetes counts up to, which is less than 8Ei; write what the machines have")
    return size


def _number_as_text(value: Any) -> Any:
    """A quantity may be a plain number, as in Kubernetes: 2, 0.5 or 1e9."""
    return f"{Decimal(str(value)):f}".removesuffix(".0") if type(value) in (int, float) else value


def _cpu(text: str) -> str:
    size = quantity(text)
    if _unit(text) not in CPU_UNITS:
        raise ValueError(f"{_unit(text)} is no unit of CPU; write cores or thousandths of one, like 2 or 250m")
    if size < LEAST["cpu"] or size % LEAST["cpu"] != 0:
        raise ValueError("is no share of a core that Kubernetes can give; write whole thousandths above 0, like 250m")
    return text


def _memory(text: str) -> str:
    return _bytes(text, "memory", "4Mi or more, like 64Mi")


_CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_CRON_PART = re.compile(r"(?:\*|(?P<first>[0-9]{1,2})(?:-(?P<last>[0-9]{1,2}))?)(?:/(?P<every>[1-9][0-9]?))?", re.ASCII)


def _cron_schedule(text: str) -> str:
    """Numbers alone: names of days and months are refused (kubernetes.io, CronJob, Schedule syntax)."""
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS) or not all(
        _in_range(part, *limits)
        for field, limits in zip(fields, _CRON_FIELDS, strict=True)
        for part in field.split(",")
    ):
        raise ValueError(
            "is no schedule of a CronJob; write minute, hour, day, month and weekday in numbers, like 17 * * * *"
        )
    return text


def _in_range(part: str, least: int, greatest: int) -> bool:
    found = _CRON_PART.fullmatch(part)
    if found is None:
        return False
    first, last = (None if found[name] is None else int(found[name]) for name in ("first", "last"))
    ends = [end for end in (first, last) if end is not None]
    return all(least <= end <= greatest for end in ends) and (first is None or last is None or first <= last)


def _storage(text: str) -> str:
    return _bytes(text, "storage", "64Mi or more, like 5Gi")


def _bytes(text: str, what: str, remedy: str) -> str:
    size = quantity(text)
    if _unit(text) not in BYTE_UNITS:
        raise ValueError(f"{_unit(text)} is a fraction of a byte; {what} is in bytes, write {remedy}")
    if size < LEAST[what]:
        raise ValueError(f"is too little {what} for anything to run; write {remedy}")
    return text


def _unit(text: str) -> str:
    found = _QUANTITY.fullmatch(text)
    return "" if found is None else found["suffix"] or ""


def is_host(text: str) -> bool:
    """Whether this is a DNS name of two labels or more. An address is none: no top-level domain is a number."""
    return _HOST.fullmatch(text) is not None


def _host(text: str) -> str:
    if not is_host(text):
        raise ValueError(
            "is no DNS name; write lower-case labels joined by dots, like journal.example.com, and no scheme or port, "
            "and no address"
        )
    return text


def names_registry(image: str) -> bool:
    """Whether an image reference begins with the host of a registry.

    Source: distribution/reference, `splitDockerDomain`: a first part with a dot or a port, or `localhost`.
    """
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _image(text: str) -> str:
    found = _IMAGE.fullmatch(text)
    if found is None or len(text) > 512 or not _is_port(found["port"]):
        raise ValueError("is no image reference; write registry/repository:tag or …@sha256:<64 hex digits>")
    if found["tag"] is None and found["digest"] is None:
        raise ValueError("names no version; add a tag (:v1.0.1-bfeda01f) or a digest (@sha256:…)")
    if found["tag"] == "latest" and found["digest"] is None:
        raise ValueError("is not pinned: what `latest` means changes; name a version or a digest")
    return text


def _repository(text: str) -> str:
    if not _REPOSITORIES.fullmatch(text) or not 2 <= len(text) <= 256:
        raise ValueError(
            "is no name of a repository; write lower-case words joined by / . _ or -, like journal/frontend"
        )
    return text


def _bucket(text: str) -> str:
    """Source: S3 guide, General purpose bucket naming rules."""
    if not 3 <= len(text) <= 63 or not _LABELS.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
        raise ValueError("is no name of a bucket; write 3 to 63 lower-case letters, digits and dashes")
    return text


def is_stack_name(text: object) -> bool:
    """Whether this is ORGANIZATION/PROJECT/STACK.

    Source: Pulumi docs, Stacks: names have letters, digits, dashes, underscores and dots, 100 of them at most.
    """
    return (
        isinstance(text, str) and re.fullmatch(r"(?:[A-Za-z0-9_.-]{1,100}/){2}[A-Za-z0-9_.-]{1,100}", text) is not None
    )


def _stack_name(text: str) -> str:
    if not is_stack_name(text):
        raise ValueError("is no name of a stack; write ORGANIZATION/PROJECT/STACK, like organization/journal/shared")
    return text


def _cidr(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is no CIDR block; write network/length, like 203.0.113.0/24") from None
    if "/" not in text:
        raise ValueError(f"has no length; write {network} for the one address")
    if str(network) != text:
        host_bits = ipaddress.ip_interface(text).ip != network.network_address
        raise ValueError(
            f"{'has host bits set' if host_bits else 'is spelt in another way than AWS does'}; write {network}"
        )
    return text


def _origin(text: str) -> str:
    """What a browser may send as `Origin`: in lower case, without the scheme's own port (WHATWG URL, origins)."""
    found = _ORIGIN.fullmatch(text)
    if found is None or not _is_port(found["port"]):
        raise ValueError(
            "is no origin; write scheme://host[:port] in lower case with no path and no wildcard, like "
            "https://app.example.com"
        )
    if found["port"] == str(DEFAULT_PORTS[found["scheme"]]):
        raise ValueError(f"is no origin as browsers send it: they leave :{found['port']} out; leave it out too")
    return text


def _is_port(text: str | None) -> bool:
    return text is None or int(text) <= HIGHEST_PORT


def has_no_mailboxes(domain: str) -> bool:
    """Whether no mail ever comes to a domain, in lower case: it is for examples or tests."""
    return domain in NO_MAILBOXES or domain.rpartition(".")[2] in RESERVED_TLDS


def _email(text: str) -> str:
    found = _EMAIL.fullmatch(text)
    if found is None or not is_host(found["host"].lower()):
        raise ValueError("is no mail address that ACME takes; write name@host.tld, a mailbox that somebody reads")
    return text


def _shown(text: str) -> str:
    return repr(text) if is_secret(text) else text


def _dsn(value: Any, handler: ValidatorFunctionWrapHandler) -> str:
    """A DSN, a SecretText when it is secret. `{secure: …}` is what a stack's file says of one that is encrypted."""
    if isinstance(value, dict) and value.keys() == {"secure"}:
        return SEALED_DSN
    text = handler(value)
    found = _DSN.fullmatch(text)
    if found is None or not is_host(found["host"]) or not _is_port(found["port"]):
        raise ValueError(
            "is no Sentry DSN; write https://KEY@HOST/PROJECT with the public key alone, as Sentry shows it"
        )
    return value if isinstance(value, SecretText) else text


def _kubernetes_name(text: str) -> str:
    if not _KUBERNETES_NAME.fullmatch(text):
        raise ValueError("is no name in Kubernetes; write up to 63 lower-case letters, digits and dashes, like apps")
    return text


def _kubernetes_subdomain(text: str) -> str:
    if not _LABELS.fullmatch(text):
        raise ValueError("is no name in Kubernetes; write lower-case letters, digits, dashes and dots, like ebs.gp3")
    return text


def _principal(text: str) -> str:
    if not _ARN.fullmatch(text):
        raise ValueError(
            "is no ARN of an IAM role or user; write arn:aws:iam::ACCOUNT:role/NAME, with the 12-digit account"
        )
    return text


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError('is no AWS account ID; write its 12 digits in quotes, like "111122223333"')
    return text


_NUMBER_OR_TEXT = {"anyOf": [{"type": "string"}, {"type": "number"}]}
_SECRET_OR_TEXT = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]},
    ]
}

Host = Annotated[str, AfterValidator(_host)]
ImageReference = Annotated[str, AfterValidator(_image)]
RepositoryName = Annotated[str, AfterValidator(_repository)]
BucketName = Annotated[str, AfterValidator(_bucket)]
StackName = Annotated[str, AfterValidator(_stack_name)]
CronSchedule = Annotated[str, AfterValidator(_cron_schedule)]
Cpu = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_cpu), WithJsonSchema(_NUMBER_OR_TEXT)]
Memory = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_memory), WithJsonSchema(_NUMBER_OR_TEXT)]
Storage = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_storage), WithJsonSchema(_NUMBER_OR_TEXT)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Origin = Annotated[str, AfterValidator(_origin)]
Email = Annotated[str, AfterValidator(_email)]
KubernetesName = Annotated[str, AfterValidator(_kubernetes_name)]
KubernetesSubdomain = Annotated[str, AfterValidator(_kubernetes_subdomain)]
Dsn = Annotated[str, WrapValidator(_dsn), PlainSerializer(_shown), WithJsonSchema(_SECRET_OR_TEXT)]
PrincipalArn = Annotated[str, AfterValidator(_principal)]
AccountId = Annotated[str, AfterValidator(_account)]
