"""The settings of a stack: the model of `Pulumi.<stack>.yaml`, and how it is read.

Only `load` reads Pulumi's configuration. Unknown keys are refused, and all mistakes are reported at once before the
first resource is registered.
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
from components.settings.shared import SharedSettings
from components.settings.values import Host, Model

Environment = Literal["local", "dev", "staging", "prod"]

RESERVED_TLDS = ("test", "example", "invalid", "localhost", "local", "internal")
"""Top-level domains whose names no public CA issues certificates for (RFC 2606, RFC 6761, RFC 6762)."""


class ClusterSettings(Model):
    """An existing cluster, and how clients reach the ingress controller on it."""

    context: str | None = Field(default=None, min_length=1)
    """The context of the kubeconfig to use. By default it is the kubeconfig's current context.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    kubeconfig: str | None = Field(default=None, min_length=1)
    """The path of the kubeconfig. By default it is the one that kubectl would use.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    exposure: Literal["LoadBalancer", "NodePort"] = "LoadBalancer"
    """The type of the ingress controller's Service.

    `LoadBalancer` needs a cluster that creates load balancers. `NodePort` opens port 30080 for HTTP and 30443 for HTTPS
    on every node. https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
    """


class Settings(FrontendConfig):
    """All settings of a stack with a cluster."""

    environment: Environment
    """The environment that the stack is, which the web page and `GET /api/version` show."""
    host: Host
    """The DNS name of the journal, such as journal.example.com.

    In AWS it must be a name in the shared stack's DNS zone, and in dev and staging one below `<environment>.<domain>`.
    Names that are reserved for tests, such as journal.test, get certificates from the issuer `pebble` alone.
    https://www.rfc-editor.org/rfc/rfc6761
    """
    config_history: list[FrontendConfig] = []
    """Every configuration that the API has had, oldest first. By default there is the current one alone.

    Each becomes an immutable ConfigMap `frontend-config-v1-<hash>`, `frontend-config-v2-<hash>`, and so on; the hash
    stands for its content. Giving the top-level keys the values of an old version rolls back to it. A configuration
    that is not listed is deleted once the pods use another. No two versions may be the same.
    https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable
    """
    frontend: Tier
    """The image, number and size of the API's pods."""
    fileserver: Tier
    """The image, number and size of the web page's pods."""
    redis: RedisSettings
    """Redis, the journal's database.

    https://valkey.io/topics/replication/
    """
    ingress: IngressSettings
    """The ingress controller, Traefik, which receives all requests from outside the cluster.

    https://doc.traefik.io/traefik/
    """
    certificates: CertificateSettings
    """cert-manager, and the ACME server that issues the host's certificate.

    https://cert-manager.io/docs/configuration/acme/
    """
    cluster: ClusterSettings | None = None
    """An existing cluster to deploy to. It excludes `aws`.

    By default, without `aws` too, it is the cluster of the current kubeconfig.
    """
    aws: AwsSettings | None = None
    """A cluster in AWS that the stack creates, with all that belongs to it. It excludes `cluster`.

    By default the stack creates no cluster and uses an existing one.
    """

    @property
    def frontend_config(self) -> FrontendConfig:
        """The active configuration of the API."""
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
        """The deploy roles of dev and staging may only change DNS records below `<environment>.<domain>`."""
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
    """The settings that a stack's keys, without their namespace, describe. Raises SettingsError with every mistake."""
    model = SharedSettings if raw.get("environment") == "shared" else Settings
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(describe(error, model, namespace)) from None


def load() -> Settings | SharedSettings:
    """The settings of the running stack, from Pulumi's configuration. Raises SettingsError with every mistake."""
    namespace = pulumi.get_project()
    config = pulumi.runtime.config.CONFIG.get()
    ours = {key.partition(":")[2]: _decode(value) for key, value in config.items() if key.startswith(f"{namespace}:")}
    return parse(ours, namespace)


def _decode(value: Any) -> Any:
    """Structured values come from Pulumi as JSON text, and numbers as text, which Pydantic converts."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def schema(namespace: str = "journal") -> dict[str, Any]:
    """A JSON schema of `Pulumi.<stack>.yaml`, by which editors check and complete the file."""
    adapter = TypeAdapter(Settings | SharedSettings)
    model = _unwrapped(adapter.json_schema(by_alias=True, ref_template="#/$defs/{model}"))
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
    """A model's schema with the keys of a stack's file; keys of other namespaces belong to Pulumi and its providers."""
    return {
        **model,
        "properties": {f"{namespace}:{key}": value for key, value in model["properties"].items()},
        "required": [f"{namespace}:{key}" for key in model["required"]],
        "patternProperties": {f"^(?!{namespace}:)[a-z-]+:": {}},
    }


def _unwrapped(schema: Any) -> Any:
    """The schema with each description on one line."""
    if isinstance(schema, list):
        return [_unwrapped(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _unwrapped(value)
        for key, value in schema.items()
    }
