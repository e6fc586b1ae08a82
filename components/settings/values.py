"""The base of all settings, and the types of their values, each with a rule that says how to mend what breaks it."""

import ipaddress
import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Settings are frozen, their keys are written in camelCase, and keys that they do not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, use_attribute_docstrings=True)


_DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_DNS_LABEL}(\.{_DNS_LABEL})+")
_REPOSITORY = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_DNS_LABEL}(?:\.{_DNS_LABEL})*(?::\d+)?/)?{_REPOSITORY}(?:/{_REPOSITORY})*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<suffix>m|k|Ki|M|Mi|G|Gi|T|Ti)?")
_SUFFIXES = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{s: Decimal(1000) ** i for i, s in enumerate("kMGT", 1)},
    **{f"{s}i": Decimal(1024) ** i for i, s in enumerate("KMGT", 1)},
}
_ORIGIN = re.compile(r"https?://(?P<host>[^/:?#@\s]+)(?::\d{1,5})?")
_DSN = re.compile(r"https://[0-9a-f]{32}@[a-z0-9.-]+(?::\d{1,5})?/\d+")
_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]{1,512}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def quantity(text: str) -> Decimal:
    """The size of a Kubernetes quantity ("250m", "64Mi") in its base unit. Raises ValueError for any other text."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(
            "is no Kubernetes quantity; write a number with m, k, Ki, M, Mi, G, Gi, T or Ti, like 250m or 64Mi"
        )
    return Decimal(found["number"]) * _SUFFIXES[found["suffix"] or ""]


def _positive_quantity(text: str) -> str:
    if quantity(text) == 0:
        raise ValueError("is nothing; write a quantity above 0, like 250m or 64Mi")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(
            "is no DNS name; write lower-case labels joined by dots, like journal.example.com, and no scheme or port"
        )
    return text


def _image(text: str) -> str:
    found = _IMAGE.fullmatch(text)
    if found is None:
        raise ValueError("is no image reference; write registry/repository:tag or …@sha256:<64 hex digits>")
    if found["tag"] is None and found["digest"] is None:
        raise ValueError("names no version; add a tag (:v1.0.1-bfeda01f) or a digest (@sha256:…)")
    if found["tag"] == "latest" and found["digest"] is None:
        raise ValueError("is not pinned: what `latest` means changes; name a version or a digest")
    return text


def _cidr(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"is no CIDR block ({error}); write network/length, like 203.0.113.0/24") from None
    return text


def _origin(text: str) -> str:
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise ValueError("is no origin; write scheme://host[:port] with no path, like https://app.example.com")
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("is no mail address; write name@host.tld, a mailbox that somebody reads")
    return text


def _dsn(text: str) -> str:
    if not _DSN.fullmatch(text):
        raise ValueError(
            "is no Sentry DSN; write https://KEY@HOST/PROJECT with the public key alone, as Sentry shows it"
        )
    return text


def _principal(text: str) -> str:
    if not _ARN.fullmatch(text):
        raise ValueError(
            "is no ARN of an IAM role or user; write arn:aws:iam::ACCOUNT:role/NAME, with the 12-digit account"
        )
    return text


Host = Annotated[str, AfterValidator(_host)]
ImageReference = Annotated[str, AfterValidator(_image)]
Quantity = Annotated[str, AfterValidator(_positive_quantity)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Origin = Annotated[str, AfterValidator(_origin)]
Email = Annotated[str, AfterValidator(_email)]
KubernetesName = Annotated[str, Field(pattern=rf"^{_DNS_LABEL}$")]
Dsn = Annotated[str, AfterValidator(_dsn)]
PrincipalArn = Annotated[str, AfterValidator(_principal)]
AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
