"""What a stack may say of the journal and of the platform under it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components import versions
from components.settings.model import Model
from components.settings.values import Cidr, Dsn, Email, ImageReference, KubernetesName, Origin, Quantity, quantity


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


class FrontendConfig(Model):
    """One version of the API's configuration: what `frontend-config-vN` holds."""

    journal_entries: int = Field(default=10, ge=1, le=1000)
    """How many of the newest entries `GET /api` answers."""
    cross_origins: list[Origin] = []
    """Web origins whose pages may call the API."""
    sentry_dsn: Dsn | None = None
    """Where the API reports its errors; in prod only."""
