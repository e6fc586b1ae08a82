"""A release: the versions of one tier that run side by side, and the Service that leads to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pulumi

from components.kubernetes.component import KubernetesComponent, component_labels, selector_labels
from components.kubernetes.workload import Workload, WorkloadArgs
from components.settings import Autoscaling, Tier
from components.settings.releases import Release

STICKY_COOKIE = {
    "traefik.ingress.kubernetes.io/service.sticky.cookie": "true",
    "traefik.ingress.kubernetes.io/service.sticky.cookie.secure": "true",
    "traefik.ingress.kubernetes.io/service.sticky.cookie.httponly": "true",
    "traefik.ingress.kubernetes.io/service.sticky.cookie.samesite": "lax",
}


@dataclass(frozen=True, kw_only=True)
class Pods:
    """How many pods run each version; with an autoscaler, the most that may."""

    current: int
    candidate: int


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The Services behind a path.

    service: the one that leads to the tier, with the ports `http`, which is 80.
    weights: by Service, the percentage of requests that it gets; by default `service` gets all of them.
    versions: by version, the Service for requests that ask for it.
    """

    service: str
    weights: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def candidate_name(tier: str) -> str:
    """The name of a candidate's objects."""
    return f"{tier}-candidate"


def split(replicas: int, share: int) -> Pods:
    """The share in percent, rounded half up to whole pods. Up to 99 % both versions have at least one.

    Raises ValueError where that is impossible: with fewer than two pods, or a share that is not from 1 to 100.
    """
    if replicas < 2 or not 1 <= share <= 100:
        raise ValueError(f"{replicas} pods can't be split at {share} %")
    candidate = replicas if share == 100 else min(replicas - 1, max(1, (replicas * share + 50) // 100))
    return Pods(current=replicas - candidate, candidate=candidate)


def pods(tier: Tier) -> Pods:
    """The pods of a tier by version."""
    release = tier.release
    if release.candidate is None:
        return Pods(current=tier.most, candidate=0)
    if not release.both_whole:
        return split(tier.most, release.candidate_share)
    return Pods(current=tier.most, candidate=tier.most)


def bounds(tier: Tier) -> Autoscaling | None:
    """Between which numbers the current version's autoscaler chooses, where it has one.

    Beside a candidate it has the most pods, as the candidate has: all requests may come to either of them at once.
    """
    if tier.autoscaling is None or tier.release.candidate is None:
        return tier.autoscaling
    return tier.autoscaling.model_copy(update={"min_replicas": tier.autoscaling.max_replicas})


def rounding(tier: Tier) -> str:
    """What to tell of a share that the tier's pods cannot give; nothing of one that they can."""
    count, release = pods(tier), tier.release
    share = 100 * count.candidate / tier.most
    if release.candidate is None or release.both_whole or share == release.candidate_share:
        return ""
    return (
        f"{count.candidate} of {tier.most} pods run the candidate: {share:.3g} %, where "
        f"{release.candidate_share} % are asked for. More replicas come closer."
    )


def workloads(name: str) -> list[str]:
    """The names of the Deployments that a tier may have, by which network policies of others select its pods.

    Always both: Pulumi changes policies before pods, so a promotion would cut off a candidate that still serves.
    """
    return [name, candidate_name(name)]


def selector(name: str, release: Release) -> dict[str, str]:
    """The labels of the pods that answer: one version's with `blueGreen`, all of the tier's otherwise."""
    if release.strategy != "blueGreen" or release.candidate is None:
        return component_labels(name)
    return selector_labels(name if release.live == "current" else candidate_name(name))


def backend(name: str, release: Release) -> Backend:
    """The Services behind a tier's path."""
    if not release.both_whole:
        return Backend(service=name)
    by_weight = release.strategy == "canary"
    # The tier's own Service leads to the current version alone while a candidate gets its share by weight.
    versions = {"current": name if by_weight else f"{name}-current", "candidate": candidate_name(name)}
    share = release.candidate_share
    weights = {versions["current"]: 100 - share, versions["candidate"]: share} if by_weight else {}
    return Backend(service=name, weights=weights, versions=versions)


class ReleasedTier(KubernetesComponent):
    """The base of a component whose versions run side by side, behind one Service with the tier's name.

    A candidate serves before the current version has fewer pods or the Service changes over; what is no longer declared
    is deleted last. So to promote a candidate is one update, in which one of both versions serves all the time.

    backend: the Services behind the tier's path.
    """

    backend: Backend

    def _release(
        self,
        tier: Tier,
        workload: WorkloadArgs,
        candidate: pulumi.Input[str] | None,
        ports: Mapping[str, int],
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Creates the versions and their Service.

        workload: the current version. candidate: the full reference of the candidate's image. ports: the Service's
        ports by name; each leads to the container port of the same name. depends_on: what pods need.
        """
        count, before = pods(tier), list(depends_on)
        self.backend = backend(self._name, tier.release)
        common = replace(workload, component=self._name, release=tier.release, taken_back=True)
        if candidate is not None:
            before += self._create_version_services(ports)
            # A whole one's pods lack the tier's label: before the Service names a version, it would lead to them.
            shared = None if tier.release.both_whole else self._name
            args = replace(common, component=shared, image=candidate, replicas=count.candidate, after=before)
            before = [*before, Workload(candidate_name(self._name), args, opts=self._options())]
        args = replace(common, replicas=count.current, autoscaling=bounds(tier), after=before)
        current = Workload(self._name, args, opts=self._options())
        if rounded := rounding(tier):
            pulumi.info(rounded, self)
        self._create_service(
            ports,
            depends_on=[*before, current],
            selector=selector(self._name, tier.release),
            annotations=STICKY_COOKIE if tier.release.sticky == "cookie" else None,
            session_affinity="ClientIP" if tier.release.sticky == "clientIP" else None,
        )

    def _create_version_services(self, ports: Mapping[str, int]) -> list[pulumi.Resource]:
        """A Service for each version that has none yet, long before requests are sent there."""
        names = {"current": self._name, "candidate": candidate_name(self._name)}
        return [
            self._create_service(ports, name=service, selector=selector_labels(names[version]))
            for version, service in self.backend.versions.items()
            if service != self._name
        ]
