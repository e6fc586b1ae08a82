"""What a stack may say: the model of `Pulumi.<stack>.yaml`.

Nothing below this module reads `pulumi.Config` or the environment. Unknown keys are refused, all mistakes are reported
at once, and nothing is registered before the whole of it is right.
"""

import json
from typing import Any, Literal, Self

import pulumi
from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from components.settings.application import (
    CertificateSettings,
    FrontendConfig,
    IngressSettings,
    RedisSettings,
    Tier,
)
from components.settings.aws import AwsSettings
from components.settings.errors import SettingsError, describe
from components.settings.model import Model
from components.settings.shared import SharedSettings
from components.settings.values import Host

Environment = Literal["local", "dev", "staging", "prod"]

RESERVED_TLDS = ("test", "example", "invalid", "localhost", "local", "internal")
"""Names under these never get a public certificate (RFC 2606, RFC 6761, RFC 6762)."""


class ClusterSettings(Model):
    """A cluster that is there already."""

    context: str | None = Field(default=None, min_length=1)
    """The kubeconfig's context; without it, the current one."""
    kubeconfig: str | None = Field(default=None, min_length=1)
    """Path of the kubeconfig; without it, the usual places."""
    exposure: Literal["LoadBalancer", "NodePort"] = "LoadBalancer"
    """The type of the ingress controller's Service."""


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
    cluster: ClusterSettings | None = None
    """The cluster that is there already; without it and without `aws`, the one of the current kubeconfig."""
    aws: AwsSettings | None = None
    """A cluster of the stack's own in AWS, and all under it."""

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

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.aws is not None and self.cluster is not None:
            raise ValueError("cluster and aws are both named; keep aws for a cluster of the stack's own, or cluster")
        for tier in ("frontend", "fileserver"):
            image = getattr(self, tier).image
            if self.aws is not None and ("." in image.partition("/")[0] or image.startswith("localhost/")):
                raise ValueError(
                    f"{tier}.image {image} names a registry; in AWS it is the shared stack's, name repository:tag"
                )
        return self

    @model_validator(mode="after")
    def _host_of_its_environment(self) -> Self:
        """The roles that deploy dev and staging may change records under `<environment>.<domain>` alone."""
        if self.aws is not None and self.environment != "prod" and f".{self.environment}." not in self.host:
            raise ValueError(
                f"host {self.host} in {self.environment}: its role may not touch that name; "
                f"name it journal.{self.environment}.<domain>"
            )
        return self

    @model_validator(mode="after")
    def _sentry_in_prod(self) -> Self:
        if self.environment != "prod" and any(c.sentry_dsn is not None for c in (self, *self.config_history)):
            raise ValueError(f"sentryDsn in {self.environment}: only prod reports errors; take it out")
        return self


def parse(raw: dict[str, Any], namespace: str = "journal") -> Settings | SharedSettings:
    """Settings from a stack's keys (without their namespace). Raises SettingsError with every mistake."""
    model = SharedSettings if raw.get("environment") == "shared" else Settings
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(describe(error, model, namespace)) from None


def load() -> Settings | SharedSettings:
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
    adapter = TypeAdapter(Settings | SharedSettings)
    model = adapter.json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = model.pop("$defs")
    of_shared, of_others = (_prefixed(definitions.pop(name), namespace) for name in ("SharedSettings", "Settings"))
    is_shared = {"properties": {f"{namespace}:environment": {"const": "shared"}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions,
        "title": "A stack of the journal",
        "type": "object",
        "properties": {"config": {"if": is_shared, "then": of_shared, "else": of_others}},
        "required": ["config"],
    }


def _prefixed(model: dict[str, Any], namespace: str) -> dict[str, Any]:
    """A model's schema with its keys as a stack's file has them; keys of other namespaces are Pulumi's own."""
    return {
        **model,
        "properties": {f"{namespace}:{key}": value for key, value in model["properties"].items()},
        "required": [f"{namespace}:{key}" for key in model["required"]],
        "patternProperties": {f"^(?!{namespace}:)[a-z-]+:": {}},
    }
