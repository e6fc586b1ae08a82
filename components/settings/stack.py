"""The settings of a stack: the model of `Pulumi.<stack>.yaml`, and how it is read.

Only `load` reads Pulumi's configuration. Unknown keys are refused, and all mistakes are reported at once before the
first resource is registered.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import pulumi
from pulumi.runtime.config import is_config_secret
from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from components.settings import files, rules
from components.settings.application import (
    CertificateSettings,
    FrontendConfig,
    IngressSettings,
    RedisSettings,
    Tier,
)
from components.settings.aws import AwsSettings
from components.settings.errors import SettingsError, describe, heading
from components.settings.login import LoginSettings
from components.settings.node_groups import ANYWHERE, Placement
from components.settings.shared import SharedSettings
from components.settings.values import SEALED_DSN, Host, Model, SecretText, is_stack_name
from components.settings.workflows import WorkflowSettings

Environment = Literal["local", "dev", "staging", "prod"]

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the stacks' files."""
MAY_BE_SECRET = ("sentryDsn", "configHistory")


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
    metrics_server: bool = False
    """Whether the stack brings metrics-server, which autoscalers ask how busy pods are. By default the cluster has one.

    Kubelets must have certificates of the cluster's authority. `make up` sets it on the cluster that it builds, where a
    tier has `autoscaling`. https://kubernetes-sigs.github.io/metrics-server/
    """


class Settings(FrontendConfig):
    """All settings of a stack with a cluster."""

    environment: Environment
    """The environment that the stack is, which the web page and `GET /api/version` show.

    In AWS it is the stack's name too. In `local`, the stack uses an existing cluster.
    """
    host: Host
    """The DNS name of the journal, such as journal.example.com.

    In AWS it must be a name below the shared stack's domain, and in dev and staging one below `<environment>.<domain>`.
    Names that are reserved for tests, such as journal.test, get certificates from the issuer `pebble` alone.
    https://www.rfc-editor.org/rfc/rfc6761
    """
    status_host: Host | None = None
    """A DNS name for who watches the journal, such as status.journal.example.com. By default there is none.

    It answers `/api/version`, which says what runs, and `/healthz`, the page's own health, and 404 for all else. The
    certificate names both hosts. What holds for `host` holds for it too.
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
    login: LoginSettings | None = None
    """The sign-in, and what needs it. By default there is none: everybody may read and write.

    https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
    """
    workflows: WorkflowSettings | None = None
    """Argo Workflows, and the journal's nightly digest. By default there are none.

    https://argo-workflows.readthedocs.io/en/latest/
    """
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

    By default, in `local` alone, it is the cluster of the current kubeconfig. Elsewhere this or `aws` must be named.
    """
    aws: AwsSettings | None = None
    """A cluster in AWS that the stack creates, with all that belongs to it. It excludes `cluster`.

    By default the stack creates no cluster and uses an existing one.
    """

    @property
    def frontend_config(self) -> FrontendConfig:
        """The active configuration of the API."""
        return FrontendConfig.model_validate({to_camel(f): getattr(self, f) for f in FrontendConfig.model_fields})

    @property
    def hosts(self) -> list[str]:
        """Every DNS name of the stack, the journal's first."""
        return [self.host] if self.status_host is None else [self.host, self.status_host]

    @property
    def pods(self) -> int:
        """How many pods the journal has."""
        login = 0 if self.login is None else self.login.replicas
        return self.frontend.pods + self.fileserver.pods + self.redis.servers + login

    @property
    def workflow_placement(self) -> Placement:
        """The nodes that workflows' pods run on."""
        if self.workflows is None or self.aws is None:
            return ANYWHERE
        return self.workflows.placement(self.aws.node_groups)

    @property
    def autoscales(self) -> bool:
        """Whether an autoscaler decides how many pods a tier has."""
        return any(tier.autoscaling is not None for tier in (self.frontend, self.fileserver))

    @property
    def volumes(self) -> int:
        """How many claims the journal has: one of each server of Redis, and where no bucket is, one for backups."""
        return self.redis.servers + (1 if self.aws is None else 0)

    @field_validator("config_history")
    @classmethod
    def _each_version_once(cls, history: list[FrontendConfig]) -> list[FrontendConfig]:
        for number, config in enumerate(history, 1):
            if (first := history.index(config) + 1) != number and config.sentry_dsn != SEALED_DSN:
                raise ValueError(f"v{number} is the same as v{first}; name each configuration once")
        return history

    @model_validator(mode="after")
    def _together(self, info: ValidationInfo) -> Self:
        rules.refuse_contradictions(self, info.context)
        return self


def parse(
    raw: Mapping[str, Any], namespace: str = "journal", *, stack: str | None = None, folder: Path | None = None
) -> Settings | SharedSettings:
    """The settings that a stack's keys, without their namespace, describe. Raises SettingsError with every mistake.

    stack: the stack's name; without it, its environment may be any. folder: where the file of the stack `shared` is, if
    this one is to be checked against it: its host must be in that one's domain.
    """
    environment = raw.get("environment")
    if foreign := rules.foreign_environment(environment, stack):
        raise SettingsError(f"{heading(1)}\n  {namespace}:environment = {environment!r}: {foreign}")
    model = SharedSettings if environment == "shared" or stack == "shared" else Settings
    context = rules.Context(stack=stack, shared=None if folder is None else _shared_beside(raw, namespace, folder))
    try:
        return model.model_validate(raw, context=context)
    except ValidationError as error:
        raise SettingsError(describe(error, model, namespace)) from None


def _shared_beside(raw: Mapping[str, Any], namespace: str, folder: Path) -> SharedSettings | None:
    """The settings of the shared stack that a stack in AWS reads, if its file is there. Raises SettingsError.

    One of another project has its file elsewhere.
    """
    aws = raw.get("aws")
    if not isinstance(aws, Mapping) or raw.get("environment") == "shared":
        return None
    full_name = aws.get("sharedStack", AwsSettings.model_fields["shared_stack"].default)
    if not is_stack_name(full_name):
        return None
    _, project, name = full_name.split("/")
    if project != namespace:
        return None
    try:
        found = parse(files.own(files.read(folder / f"Pulumi.{name}.yaml", namespace), namespace), namespace)
    except FileNotFoundError:
        return None
    except files.FileError as error:
        raise SettingsError(str(error)) from None
    except SettingsError as error:
        raise SettingsError(f"In Pulumi.{name}.yaml, which this stack reads: {error}") from None
    if not isinstance(found, SharedSettings):
        raise SettingsError(
            f"{heading(1)}\n  {namespace}:aws.sharedStack = {full_name!r}: is the stack of an environment; "
            "name the one that holds the image registry and the DNS zone, such as organization/journal/shared"
        )
    return found


def load() -> Settings | SharedSettings:
    """The settings of the running stack, from Pulumi's configuration. Raises SettingsError with every mistake."""
    namespace, ours = pulumi.get_project(), {}
    for key, text in pulumi.runtime.config.CONFIG.get().items():
        project, _, name = key.partition(":")
        if project == namespace:
            ours[name] = _secret(name, _decode(text), namespace) if is_config_secret(key) else _decode(text)
    return parse(ours, namespace, stack=pulumi.get_stack(), folder=ROOT)


def _decode(value: Any) -> Any:
    """Structured values come from Pulumi as JSON text, and numbers as text, which Pydantic converts."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _secret(name: str, value: Any, namespace: str) -> Any:
    """A secret value with every text in it marked. Raises SettingsError for one that would not stay secret."""
    if name not in MAY_BE_SECRET:
        raise SettingsError(
            f"{heading(1)}\n  {namespace}:{name}: is encrypted, and only sentryDsn may be; set it without --secret"
        )
    return _marked(value)


def _marked(value: Any) -> Any:
    match value:
        case str():
            return SecretText(value)
        case list():
            return [_marked(part) for part in value]
        case dict():
            return {key: _marked(part) for key, part in value.items()}
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
