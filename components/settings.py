"""What a stack may say: the model of `Pulumi.<stack>.yaml`.

Nothing below this module reads `pulumi.Config` or the environment. Unknown keys are refused, all mistakes are reported
at once, and nothing is registered before the whole of it is right.
"""

import json
from typing import Any, Literal, Self

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from components import versions
from components.settings_errors import SettingsError, describe
from components.values import Cidr, Email, Host, ImageReference, KubernetesName, Origin, Quantity, quantity

Environment = Literal["local", "dev", "staging", "prod"]

RESERVED_TLDS = ("test", "example", "invalid", "localhost", "local", "internal")
"""Names under these never get a public certificate (RFC 2606, RFC 6761, RFC 6762)."""


class Model(BaseModel):
    """Settings are frozen, written in camelCase, and know every key they accept."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, use_attribute_docstrings=True)


class Resources(Model):
    """What one container asks for and may use at most."""

    cpu: Quantity
    """CPU requested, in cores (100m is a tenth)."""
    memory: Quantity
    """Memory requested, in bytes (64Mi)."""
    cpu_limit: Quantity
    """CPU at most; at least what is requested."""
    memory_limit: Quantity
    """Memory at most; at least what is requested."""

    @model_validator(mode="after")
    def _limits_cover_requests(self) -> Self:
        for what in ("cpu", "memory"):
            request, limit = getattr(self, what), getattr(self, f"{what}_limit")
            if quantity(limit) < quantity(request):
                raise ValueError(
                    f"{what}Limit {limit} is below the {what} requested, {request}; raise it or request less"
                )
        return self


class Tier(Model):
    """A stateless tier: pods that are all alike."""

    image: ImageReference
    """Where the image is, pinned by tag or digest."""
    replicas: int = Field(default=2, ge=2, le=100)
    """How many pods; at least 2, so that one may go."""
    resources: Resources
    """What each pod asks for and may use."""


class RedisSettings(Model):
    """The journal's database: one primary and its replicas."""

    image: ImageReference = versions.VALKEY_IMAGE
    """Redis 7 or Valkey 8."""
    servers: int = Field(default=3, ge=1, le=9)
    """How many servers, the primary included."""
    storage: Quantity
    """Size of each server's volume."""
    storage_class: KubernetesName | None = None
    """The volumes' storage class; without it, the cluster's own choice."""
    resources: Resources
    """What each server asks for and may use."""


class IngressSettings(Model):
    """The way in: Traefik."""

    image: ImageReference = versions.TRAEFIK_IMAGE
    """Traefik 3."""
    replicas: int = Field(default=2, ge=1, le=20)
    """How many pods of the ingress controller."""
    allowed_cidrs: list[Cidr] = Field(default=["0.0.0.0/0"], min_length=1)
    """Client networks that are let in; 0.0.0.0/0 is the world."""
    resources: Resources
    """What each pod asks for and may use."""


class CertificateSettings(Model):
    """Who vouches for the host's name."""

    issuer: Literal["letsencrypt", "letsencrypt-staging", "pebble"]
    """The ACME server; `pebble` is deployed beside the journal and vouches for tests only."""
    email: Email
    """The ACME account's contact."""
    chart: str = versions.CERT_MANAGER_CHART
    """cert-manager's Helm chart: an OCI address or a local folder."""


class ClusterSettings(Model):
    """A cluster that is there already."""

    context: str | None = Field(default=None, min_length=1)
    """The kubeconfig's context; without it, the current one."""
    kubeconfig: str | None = Field(default=None, min_length=1)
    """Path of the kubeconfig; without it, the usual places."""
    exposure: Literal["LoadBalancer", "NodePort"] = "LoadBalancer"
    """The type of the ingress controller's Service."""


class FrontendConfig(Model):
    """One version of the API's configuration: what `frontend-config-vN` holds."""

    journal_entries: int = Field(default=10, ge=1, le=1000)
    """How many of the newest entries `GET /api` answers."""
    cross_origins: list[Origin] = []
    """Web origins whose pages may call the API."""


class Settings(FrontendConfig):
    """All that a stack may say."""

    environment: Environment
    """Which environment this is; the page and `/api/version` show it."""
    host: Host
    """The DNS name of the journal."""
    config_history: list[FrontendConfig] = []
    """Every configuration the API has had, oldest first: `frontend-config-v1`, `-v2`, …; naming an old one
    again rolls back."""
    frontend: Tier
    """The API."""
    fileserver: Tier
    """The web page."""
    redis: RedisSettings
    """The journal's database."""
    ingress: IngressSettings
    """The way in."""
    certificates: CertificateSettings
    """Who vouches for the host's name."""
    cluster: ClusterSettings = ClusterSettings()
    """The cluster that the stack runs on."""

    @property
    def frontend_config(self) -> FrontendConfig:
        """The configuration that is active."""
        return FrontendConfig.model_validate({to_camel(f): getattr(self, f) for f in FrontendConfig.model_fields})

    @field_validator("config_history")
    @classmethod
    def _each_version_once(cls, history: list[FrontendConfig]) -> list[FrontendConfig]:
        for number, config in enumerate(history, 1):
            if (first := history.index(config) + 1) != number:
                raise ValueError(f"v{number} is the same as v{first}; name each configuration once")
        return history

    @model_validator(mode="after")
    def _issuer_fits_host(self) -> Self:
        issuer, top = self.certificates.issuer, self.host.rpartition(".")[2]
        if issuer == "pebble" and self.environment != "local":
            raise ValueError(
                f"certificates.issuer 'pebble' in {self.environment}: browsers don't trust it; name letsencrypt"
            )
        if issuer != "pebble" and top in RESERVED_TLDS:
            raise ValueError(
                f"host {self.host!r} is reserved for tests, {issuer} can't vouch for it; name a public domain"
            )
        return self


def parse(raw: dict[str, Any], namespace: str = "journal") -> Settings:
    """Settings from a stack's keys (without their namespace). Raises SettingsError with every mistake."""
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(describe(error, Settings, namespace)) from None


def load() -> Settings:
    """The settings of the stack that runs. Raises SettingsError."""
    namespace = pulumi.get_project()
    config = pulumi.runtime.config.CONFIG.get()
    ours = {key.partition(":")[2]: _decode(value) for key, value in config.items() if key.startswith(f"{namespace}:")}
    return parse(ours, namespace)


def _decode(value: Any) -> Any:
    """Pulumi hands structured values over as JSON text, and numbers as text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def schema(namespace: str = "journal") -> dict[str, Any]:
    """A JSON schema of `Pulumi.<stack>.yaml`, for editors."""
    model = Settings.model_json_schema(by_alias=True)
    properties = {f"{namespace}:{key}": value for key, value in model.pop("properties").items()}
    required = [f"{namespace}:{key}" for key in model.pop("required")]
    config = {**model, "properties": properties, "required": required, "additionalProperties": False}
    config["patternProperties"] = {f"^(?!{namespace}:)[a-z-]+:": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": config.pop("$defs"),
        "title": "A stack of the journal",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
    }
