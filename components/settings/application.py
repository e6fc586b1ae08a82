"""Settings of the journal, of the ingress controller, and of certificates."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from components import versions
from components.settings.autoscaling import Autoscaling
from components.settings.limits import Limits
from components.settings.releases import Release
from components.settings.values import (
    Cidr,
    Cpu,
    CronSchedule,
    Dsn,
    Email,
    ImageReference,
    KubernetesSubdomain,
    Memory,
    Model,
    Origin,
    Storage,
    quantity,
)

EVERYBODY = "0.0.0.0/0"


class Resources(Model):
    """The CPU and memory that one container requests, and its limits."""

    cpu: Cpu
    """The CPU that the scheduler reserves for the container, in cores; 100m is a tenth of a core.

    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """
    memory: Memory
    """The memory that the scheduler reserves for the container, in bytes, such as 64Mi.

    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """
    cpu_limit: Cpu
    """The CPU that the container may use; above it, the container is throttled. It must not be below `cpu`.

    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """
    memory_limit: Memory
    """The memory that the container may use; above it, the container is killed. It must not be below `memory`.

    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """

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
    """A stateless tier: pods that are all alike, managed by a Deployment."""

    image: ImageReference
    """The container image, pinned by a tag other than `latest` or by a digest.

    In AWS it is named without a registry, such as journal/frontend:v1.0.0, and comes from the registry of the shared
    stack. https://kubernetes.io/docs/concepts/containers/images/
    """
    replicas: int = Field(default=2, ge=2, le=100)
    """The number of pods; at least 2, so that one can be replaced without an outage. It excludes `autoscaling`.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
    """
    autoscaling: Autoscaling | None = None
    """What decides how many pods there are, where their number is not fixed. By default it is. It excludes `replicas`.

    It reads metrics-server, which clusters in AWS have; for others, see `cluster.metricsServer`.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    resources: Resources
    """The CPU and memory of each pod."""
    release: Release = Release()
    """How another version of the image takes the place of this one.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy
    """

    @model_validator(mode="after")
    def _release_fits(self) -> Self:
        # While a candidate that is live becomes the image, both versions are the same for a while.
        if self.release.candidate == self.image and self.release.live == "current":
            raise ValueError(f"release.candidate {self.image} is the image that runs; name another one, or take it out")
        if self.release.max_surge > self.most:
            raise ValueError(
                f"release.maxSurge {self.release.max_surge} of {self.most} replicas: no rollout starts more; name "
                f"{self.most} or less"
            )
        if self.release.max_unavailable >= self.least:
            raise ValueError(
                f"release.maxUnavailable {self.release.max_unavailable} of {self.least} replicas: a rollout could "
                f"stop all pods at once; name {self.least - 1} or less, or strategy recreate"
            )
        return self

    @model_validator(mode="after")
    def _autoscaling_fits(self) -> Self:
        bounds = self.autoscaling
        if bounds is None:
            return self
        if "replicas" in self.model_fields_set:
            raise ValueError(
                f"replicas {self.replicas} beside autoscaling, which chooses from {bounds.min_replicas} to "
                f"{bounds.max_replicas}: take out one of them"
            )
        if self.release.candidate is not None and not self.release.both_whole:
            raise ValueError(
                f"release.candidate {self.release.candidate} with strategy canary by pods beside autoscaling: a share "
                "is of a fixed number of pods; name by weight, strategy blueGreen, or replicas in place of autoscaling"
            )
        aim = quantity(self.resources.cpu) * bounds.cpu_utilization / 100
        if aim >= quantity(self.resources.cpu_limit):
            raise ValueError(
                f"autoscaling.cpuUtilization {bounds.cpu_utilization} of cpu {self.resources.cpu}: pods are held to "
                f"cpuLimit {self.resources.cpu_limit} and never use more; lower it, or raise the limit"
            )
        return self

    @property
    def least(self) -> int:
        """The fewest pods that one version has."""
        return self.replicas if self.autoscaling is None else self.autoscaling.min_replicas

    @property
    def most(self) -> int:
        """The most pods that one version has between rollouts."""
        return self.replicas if self.autoscaling is None else self.autoscaling.max_replicas

    @property
    def pods(self) -> int:
        """How many pods the tier has at most between rollouts, a candidate's included."""
        return 2 * self.most if self.release.both_whole else self.most


LEAST_MEMORY = "64Mi"


PASSWORD_STAGE = "redis/password-stage"  # noqa: S105 -- the name of an annotation
"""The annotation by which Redis' Secret says how far a change of the password is."""


class RedisBackupSettings(Model):
    """Backups of Redis' data: to a bucket in AWS, to a volume elsewhere. Each is checked by loading it."""

    schedule: CronSchedule = "17 * * * *"
    """When backups start, as a Kubernetes cron schedule of five fields in UTC. By default every hour.

    https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
    """
    keep: int = Field(default=24, ge=1, le=1000)
    """How many backups the volume keeps; older ones are deleted. In AWS, `keepDays` says it.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/
    """
    keep_days: int = Field(default=30, ge=1, le=3650)
    """How many days the bucket keeps a backup, and one that was overwritten or deleted. It is for stacks in AWS alone.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
    """
    storage: Storage = "1Gi"
    """The size of the volume for backups. In AWS there is none.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/
    """


class RedisSettings(Model):
    """Redis, the journal's database: one primary and its replicas."""

    image: ImageReference = versions.VALKEY_IMAGE
    """The container image: Redis 7 or Valkey 8, pinned by a tag other than `latest` or by a digest.

    https://valkey.io/topics/installation/
    """
    servers: int = Field(default=3, ge=1, le=9)
    """The number of servers, the primary included. By default 3.

    The primary takes writes; every server answers reads. From 3 on, a Sentinel beside each makes another server primary
    when the primary is away for 5 s. With 1, a restart is an outage, and its volume is the only copy. 2 is refused: of
    two Sentinels, one alone is no majority. https://valkey.io/topics/sentinel/
    """
    durability: Literal["fast", "safe"] = "fast"
    """When a write is acknowledged: `fast` when the primary has it, `safe` when another server has it too.

    By default `fast`, which may lose the writes of the moment in which the primary dies. `safe` loses none to the death
    of any one server with its volume; it excludes `servers: 1`. https://valkey.io/commands/wait/
    """
    password_generation: int = Field(default=1, ge=1)
    """The number of the password in use. By default 1; `make rotate` counts it up.

    Another number by hand is another password at once: servers and clients refuse each other until all have it.
    https://valkey.io/topics/security/
    """
    password_step: Literal["accept", "use"] | None = None
    """How far a change to the next password is. By default none is under way; `make rotate` sets it.

    `accept`: servers accept the next one too. `use`: clients and servers use the next one, and servers still accept
    this one. https://valkey.io/commands/acl-setuser/
    """
    storage: Storage
    """The size of each server's volume, such as 5Gi. Volumes grow while servers run; they can't shrink.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
    """
    storage_class: KubernetesSubdomain | None = None
    """The storage class of the volumes. By default it is the cluster's own: gp3 in AWS.

    https://kubernetes.io/docs/concepts/storage/storage-classes/
    """
    resources: Resources
    """The CPU and memory of each server. `memoryLimit` limits the data too: to somewhat less than half of it.

    It must be 64Mi or more. What does not fit is refused and reads go on. https://valkey.io/topics/memory-optimization/
    """
    backup: RedisBackupSettings = RedisBackupSettings()
    """When the data is backed up, and how long backups are kept. https://valkey.io/topics/persistence/"""

    @property
    def password_stage(self) -> str:
        """How far a change of the password is, in words for `PASSWORD_STAGE`."""
        return f"{self.password_generation} {self.password_step or 'alone'}"

    @field_validator("servers")
    @classmethod
    def _has_a_majority(cls, servers: int) -> int:
        if servers == 2:
            raise ValueError("when one of two is away, the other can't know which of them is; name 3, or 1")
        return servers

    @field_validator("resources")
    @classmethod
    def _holds_data(cls, resources: Resources) -> Resources:
        if quantity(resources.memory_limit) < quantity(LEAST_MEMORY):
            raise ValueError(
                f"memoryLimit {resources.memory_limit} leaves no memory for data; raise it to {LEAST_MEMORY} or more"
            )
        return resources

    @model_validator(mode="after")
    def _volume_holds_a_rewrite(self) -> Self:
        """The data and as much again that changed it, twice while the files are rewritten; data is half the memory."""
        least = 2 * quantity(self.resources.memory_limit)
        if quantity(self.storage) < least:
            raise ValueError(
                f"storage {self.storage} is below twice the memoryLimit {self.resources.memory_limit}, "
                f"which rewriting the files may take; raise it to {-(-least // 2**20)}Mi, or lower memoryLimit"
            )
        return self

    @model_validator(mode="after")
    def _another_server_has_it(self) -> Self:
        if self.durability == "safe" and self.servers == 1:
            raise ValueError("durability safe with servers 1: there is no other server; name 3 servers, or fast")
        return self


class IngressSettings(Model):
    """The ingress controller, Traefik, which receives all requests from outside the cluster."""

    image: ImageReference = versions.TRAEFIK_IMAGE
    """The container image: Traefik 3, pinned by a tag other than `latest` or by a digest.

    https://doc.traefik.io/traefik/
    """
    replicas: int = Field(default=2, ge=1, le=20)
    """The number of pods of the ingress controller."""
    allowed_cidrs: list[Cidr] = Field(default=[EVERYBODY], min_length=1, max_length=30)
    """The networks whose clients may connect. By default every client may.

    Fewer are for the issuer `pebble` alone: Let's Encrypt connects from addresses that it does not publish.
    https://letsencrypt.org/docs/faq/#what-ip-addresses-does-let-s-encrypt-use-to-validate-my-web-server
    """
    resources: Resources
    """The CPU and memory of each pod."""
    routes: Literal["ingress", "both", "gateway"] = "ingress"
    """What leads requests to the journal: an `ingress`, by default, or a `gateway` of the Gateway API.

    With `gateway` a canary may have its share by weight, and a header reaches the version that is idle. Change over by
    way of `both`, deployed in between, and no request fails. https://gateway-api.sigs.k8s.io/
    """
    limits: Limits = Limits()
    """How often one client may ask, and how slowly. By default 50 times a second, and within 20 seconds."""
    basic_auth: bool = False
    """Whether everybody must give a name and a password before anything is served: for dev and staging. By default not.

    The name is `journal`, and the password is generated (docs/runbooks.md). Both go in the header `Authorization`, so
    with it a token of the sign-in can come by cookie alone, and pages of other origins can't ask.
    https://www.rfc-editor.org/rfc/rfc7617
    """
    hsts_seconds: int = Field(default=31_536_000, ge=0, le=63_072_000)
    """How long browsers are told to ask over HTTPS alone, for the host and all names below it. By default a year.

    Name 0 where browsers warn of the certificate: it makes them forget, and what they remember lets nobody pass a
    warning. https://www.rfc-editor.org/rfc/rfc6797
    """
    gateway_crds: str = Field(default=versions.GATEWAY_API_CRDS, min_length=1)
    """Where the definitions of the Gateway API's kinds are, for a gateway: a folder, or the URL of one.

    By default it is the version that Traefik implements. https://gateway-api.sigs.k8s.io/guides/#installing-gateway-api
    """

    @property
    def has_gateway(self) -> bool:
        """Whether a gateway leads requests to the journal, alone or beside an Ingress."""
        return self.routes != "ingress"

    @property
    def has_ingress(self) -> bool:
        """Whether an Ingress leads requests to the journal, alone or beside a gateway."""
        return self.routes != "gateway"


class CertificateSettings(Model):
    """cert-manager, and the ACME server that issues the host's certificate."""

    issuer: Literal["letsencrypt", "letsencrypt-staging", "pebble"]
    """The ACME server that issues the certificate.

    Browsers trust certificates of `letsencrypt` alone. `letsencrypt-staging` is for tests without rate limits.
    `pebble` runs in the cluster itself and is allowed in the environment `local` alone.
    https://letsencrypt.org/docs/staging-environment/
    """
    email: Email
    """The contact address of the ACME account: a mailbox at a public domain, unless the issuer is `pebble`.

    https://cert-manager.io/docs/configuration/acme/
    """
    chart: str = Field(default=versions.CERT_MANAGER_CHART, min_length=1)
    """cert-manager's Helm chart: an OCI address, or the path of a local folder.

    The version of a chart from an OCI registry is pinned in components/versions.py.
    https://cert-manager.io/docs/installation/helm/
    """


class FrontendConfig(Model):
    """One version of the API's configuration, which becomes the ConfigMap `frontend-config-vN-<hash>`."""

    journal_entries: int = Field(default=10, ge=1, le=1000)
    """The number of newest entries that `GET /api` returns."""
    journal_max_entries: int | None = Field(default=None, ge=1)
    """The number of entries that the journal may hold; one more is refused with 507, until others are deleted.

    By default Redis' memory is the limit, `redis.resources.memoryLimit`.
    """
    cross_origins: list[Origin] = []
    """The web origins whose pages may call the API from a browser, such as https://app.example.com.

    By default only the journal's own page may. https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS
    """
    sentry_dsn: Dsn | None = None
    """The Sentry DSN to which the API reports its errors. It is allowed in the environment `prod` alone.

    It may be a secret of Pulumi's configuration: then previews and the state hide it. In the cluster it is in a
    ConfigMap. By default errors are only logged. https://docs.sentry.io/concepts/key-terms/dsn-explainer/
    """
