"""What a stack's settings must not say together, though each of them is right."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.settings import intervals
from components.settings.application import EVERYBODY
from components.settings.shared import WORKFLOW_ROLES, SharedSettings
from components.settings.values import RESERVED_TLDS, has_no_mailboxes, names_registry, quantity

if TYPE_CHECKING:
    from components.settings.aws import AwsSettings
    from components.settings.stack import Settings

ENVIRONMENTS = ("local", "dev", "staging", "prod", "shared")
SUBDOMAINS = ("dev", "staging")
"""Environments whose names are below `<environment>.<domain>`; prod has the others."""
PULUMIS_ROLES = ("deploy", "preview", "audit")
"""Roles of an environment in stack `shared` that get access entries by the program."""
LARGEST_VOLUME = "64Ti"
"""EBS guide, General Purpose SSD volumes: gp3."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known of a stack beside its settings.

    stack: its name. shared: the settings of the shared stack, where its file is at hand.
    """

    stack: str | None = None
    shared: SharedSettings | None = None


def foreign_environment(environment: object, stack: str | None) -> str | None:
    """What is wrong where a stack that is named after one environment says that it is another."""
    if stack not in ENVIRONMENTS or environment in (stack, None):
        return None
    if environment in ENVIRONMENTS:
        return f"is not what the stack {stack} is; write {stack}, or put this into Pulumi.{environment}.yaml"
    return f"is not what the stack {stack} is; write {stack}"


def refuse_contradictions(settings: "Settings", context: Context | None) -> None:
    """Raises ValueError with the first contradiction; the message names the keys."""
    known = Context() if context is None else context
    for rule in RULES:
        rule(settings, known)


def _one_cluster(settings: "Settings", context: Context) -> None:
    aws, environment = settings.aws, settings.environment
    if aws is not None and settings.cluster is not None:
        raise ValueError("cluster and aws are both named; keep aws for a cluster of the stack's own, or cluster")
    if aws is not None and environment == "local":
        raise ValueError("aws in local: that environment is an existing cluster's; name dev, staging or prod")
    if aws is not None and context.stack not in (None, environment):
        raise ValueError(
            f"environment {environment} in stack {context.stack}: in AWS everything is named after the environment; "
            "give the stack its name"
        )


def _issuer_fits_host(settings: "Settings", context: Context) -> None:
    issuer = settings.certificates.issuer
    if issuer == "pebble" and settings.environment != "local":
        raise ValueError(
            f"certificates.issuer 'pebble' in {settings.environment}: browsers don't trust it; name letsencrypt"
        )
    for key, host in _named_hosts(settings):
        if issuer != "pebble" and host.rpartition(".")[2] in RESERVED_TLDS:
            raise ValueError(f"{key} {host!r} is reserved for tests, {issuer} can't vouch for it; name a public domain")


def _named_hosts(settings: "Settings") -> list[tuple[str, str]]:
    """Each DNS name with its key."""
    return list(zip(("host", "statusHost"), settings.hosts, strict=False))


def _hosts_differ(settings: "Settings", context: Context) -> None:
    if settings.status_host == settings.host:
        raise ValueError(f"statusHost {settings.host} is the journal's own host; name another, status.{settings.host}")


def _a_cluster_by_name(settings: "Settings", context: Context) -> None:
    if settings.aws is None and settings.cluster is None and settings.environment != "local":
        raise ValueError(
            f"neither aws nor cluster in {settings.environment}: it would go to whatever cluster kubectl uses now; "
            "name aws for a cluster of its own, or cluster.context for an existing one"
        )


def _mailbox_in_public(settings: "Settings", context: Context) -> None:
    certificates = settings.certificates
    domain = certificates.email.rpartition("@")[2].lower()
    if certificates.issuer != "pebble" and has_no_mailboxes(domain):
        raise ValueError(
            f"certificates.email {certificates.email}: {certificates.issuer} takes no address at {domain}; name a "
            "mailbox that exists"
        )


def _acme_reaches_the_host(settings: "Settings", context: Context) -> None:
    """HTTP-01 comes from addresses that Let's Encrypt does not publish (Let's Encrypt, FAQ)."""
    networks = [ipaddress.ip_network(cidr) for cidr in settings.ingress.allowed_cidrs]
    world = ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network))
    if settings.certificates.issuer != "pebble" and ipaddress.ip_network(EVERYBODY) not in list(world):
        raise ValueError(
            f"ingress.allowedCidrs {', '.join(settings.ingress.allowed_cidrs)} keeps {settings.certificates.issuer} "
            f"out, which connects from anywhere to issue the certificate; name {EVERYBODY} or leave the key out"
        )


def _images_of_the_shared_registry(settings: "Settings", context: Context) -> None:
    tiers = {"frontend": settings.frontend, "fileserver": settings.fileserver}
    images = {f"{name}.image": tier.image for name, tier in tiers.items()}
    candidates = {f"{name}.release.candidate": tier.release.candidate for name, tier in tiers.items()}
    login = {} if settings.login is None else {"login.image": settings.login.image}
    for key, image in {**images, **candidates, **login}.items():
        if image is None:
            continue
        if settings.aws is not None and names_registry(image):
            raise ValueError(f"{key} {image} names a registry; in AWS it is the shared stack's, name repository:tag")
        repository = re.split("[:@]", image)[0]
        if context.shared is not None and repository not in context.shared.registry.repositories:
            raise ValueError(
                f"{key} {image}: stack shared has no repository {repository}; add it to "
                "journal:registry.repositories of shared, or name one of those"
            )


def _routes_fit_the_release(settings: "Settings", context: Context) -> None:
    routes = settings.ingress.routes
    for name, tier in {"frontend": settings.frontend, "fileserver": settings.fileserver}.items():
        if tier.release.by == "weight" and routes != "gateway":
            raise ValueError(
                f"{name}.release.by weight with ingress.routes {routes}: an Ingress has no weights; name gateway, or "
                "by pods"
            )
        if tier.release.sticky == "cookie" and settings.ingress.has_gateway:
            raise ValueError(
                f"{name}.release.sticky cookie with ingress.routes {routes}: Traefik sets cookies for an Ingress "
                "alone; name ingress there, or take it out"
            )


def _workflows_have_nodes(settings: "Settings", context: Context) -> None:
    group = None if settings.workflows is None else settings.workflows.node_group
    if group is None:
        return
    if settings.aws is None:
        raise ValueError(f"workflows.nodeGroup {group} without aws: only there are node groups; take it out")
    named = [known.name for known in settings.aws.node_groups]
    if group not in named:
        raise ValueError(
            f"workflows.nodeGroup {group} is no group of aws.nodeGroups; name one of {', '.join(named)}, or add it"
        )


def _digest_may_read(settings: "Settings", context: Context) -> None:
    if settings.workflows is not None and settings.login is not None and settings.login.reads == "signedIn":
        raise ValueError(
            "workflows with login.reads signedIn: the digest reads the API and has no token; take out one of them"
        )


def _sentry_in_prod(settings: "Settings", context: Context) -> None:
    configs = (settings, *settings.config_history)
    if settings.environment != "prod" and any(config.sentry_dsn is not None for config in configs):
        raise ValueError(f"sentryDsn in {settings.environment}: only prod reports errors; take it out")


def _way_out(settings: "Settings", context: Context) -> None:
    if settings.aws is not None and settings.aws.network.nat == "none":
        raise ValueError(
            "aws.network.nat none: cert-manager asks Let's Encrypt for certificates, and nodes pull its image, "
            "Traefik's and Redis', over the internet; name single or perZone"
        )


def _volume_fits(settings: "Settings", context: Context) -> None:
    own_class = settings.redis.storage_class not in (None, "gp3")
    if settings.aws is not None and not own_class and quantity(settings.redis.storage) > quantity(LARGEST_VOLUME):
        raise ValueError(f"redis.storage {settings.redis.storage}: an EBS volume has up to {LARGEST_VOLUME}; name less")


def _backups_come_again(settings: "Settings", context: Context) -> None:
    """An alarm tells of backups that stopped: it must know how far apart they are."""
    if settings.aws is not None and settings.aws.alarms is not None:
        try:
            intervals.longest(settings.redis.backup.schedule)
        except ValueError as error:
            raise ValueError(f"redis.backup.schedule: {error}, or take aws.alarms out") from None


def _host_of_its_environment(settings: "Settings", context: Context) -> None:
    """The deploy roles of dev and staging may only change DNS records below `<environment>.<domain>`."""
    if settings.aws is None:
        return
    for key, host in _named_hosts(settings):
        _refuse_foreign(key, host, settings.environment, context)


def _refuse_foreign(key: str, host: str, environment: str, context: Context) -> None:
    domain = "<domain>" if context.shared is None else context.shared.domain
    own = f"{environment}.{domain}" if environment in SUBDOMAINS else domain
    refused, name = f"{key} {host} in {environment}", "journal" if key == "host" else "status.journal"
    if host == domain or host.count(".") < 2:
        raise ValueError(f"{refused}: a domain itself stays free for others' records; name it {name}.{own}")
    if context.shared is not None and not host.endswith(f".{domain}"):
        raise ValueError(f"{refused}: stack shared has the domain {domain}; name it {name}.{own}")
    within = host.removesuffix(f".{domain}").split(".") if context.shared is not None else host.split(".")[:-2]
    of_another = next((other for other in SUBDOMAINS if other != environment and other == within[-1]), None)
    if of_another is not None:
        raise ValueError(f"{refused}: that name belongs to {of_another}; name it {name}.{own}")
    own_labels = within[1:] if context.shared is None else within[1:][-1:]  # without its file, the domain may be longer
    if environment in SUBDOMAINS and environment not in own_labels:
        raise ValueError(f"{refused}: its role may not touch that name; name it {name}.{own}")


def _as_shared_allows(settings: "Settings", context: Context) -> None:
    if settings.aws is None or context.shared is None:
        return
    shared = context.shared
    if settings.aws.account != shared.aws.account:
        raise ValueError(
            f"aws.account {settings.aws.account}: stack shared is in {shared.aws.account}, and its roles deploy there "
            "alone; name that one"
        )
    if settings.environment not in shared.github.environments:
        raise ValueError(
            f"environment {settings.environment} has no deploy role; add it to journal:github.environments of shared"
        )
    copies = settings.aws.backup.copy_to_region
    if copies is not None and copies not in shared.copy_regions:
        raise ValueError(
            f"aws.backup.copyToRegion {copies}: no role may make copies there; add it to journal:copyRegions of shared"
        )


def _no_role_of_the_program(settings: "Settings", context: Context) -> None:
    """The program gives the workflows' roles access entries itself; a principal can have one alone."""
    if settings.aws is None:
        return
    ours = pulumis_roles(settings.environment, settings.aws)
    access = settings.aws.control_plane.access
    for level in ("admins", "operators", "viewers"):
        if again := [arn for arn in getattr(access, level) if arn in ours]:
            raise ValueError(
                f"aws.controlPlane.access.{level}: {again[0]} has its access from the program already; take it out"
            )


def pulumis_roles(environment: str, aws: "AwsSettings") -> Sequence[str]:
    """The ARNs of the workflows' roles that the program itself gives access to an environment's cluster.

    Their names have the environment `shared`, whatever the stack is called.
    """
    return [f"arn:aws:iam::{aws.account}:role/{WORKFLOW_ROLES}{kind}-{environment}" for kind in PULUMIS_ROLES]


RULES: Sequence[Callable[["Settings", Context], None]] = (
    _one_cluster,
    _issuer_fits_host,
    _hosts_differ,
    _a_cluster_by_name,
    _mailbox_in_public,
    _acme_reaches_the_host,
    _images_of_the_shared_registry,
    _routes_fit_the_release,
    _workflows_have_nodes,
    _digest_may_read,
    _sentry_in_prod,
    _way_out,
    _volume_fits,
    _backups_come_again,
    _host_of_its_environment,
    _as_shared_allows,
    _no_role_of_the_program,
)
