"""Settings of a tier's release: how another version of its image takes the place of the one that serves."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.settings.values import ImageReference, Model

Strategy = Literal["rolling", "recreate", "canary", "blueGreen"]
BESIDE = ("canary", "blueGreen")
"""The strategies by which a candidate runs beside the current version."""


class Release(Model):
    """How another version of a tier's image takes the place of the one that serves."""

    strategy: Strategy = "rolling"
    """How one version follows another. By default `rolling`: pods are replaced one by one, with no request unanswered.

    `recreate` stops all pods first: requests get 503 meanwhile, and two versions never run together. `canary` gives a
    candidate a share of the requests, by pods or by weight. `blueGreen` runs a candidate whole, and the Service changes
    over at once. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy
    """
    candidate: ImageReference | None = None
    """The image to come, which runs beside `image`. By default there is none. It is for `canary` and `blueGreen` alone.

    To promote it, make it the tier's `image` and take it out here. https://kubernetes.io/docs/concepts/workloads/
    """
    share: int | None = Field(default=None, ge=0, le=100)
    """The percentage of requests that the candidate gets. By default 25. It is for `canary` alone.

    By pods it is rounded to whole ones, and up to 99 both versions have at least one. By weight it is exact, and with 0
    the candidate is reached by a header alone. https://kubernetes.io/docs/concepts/workloads/management/
    """
    by: Literal["pods", "weight"] = "pods"
    """What gives a canary its share: `pods` that run the candidate, by default, or its `weight` at the gateway.

    By weight both versions run whole. It is for `canary` and `ingress.routes: gateway` alone.
    https://gateway-api.sigs.k8s.io/guides/traffic-splitting/
    """
    live: Literal["current", "candidate"] = "current"
    """Which version the Service leads to: `current`, by default, or `candidate`. It is for `blueGreen` alone.

    https://kubernetes.io/docs/concepts/services-networking/service/
    """
    max_surge: int = Field(default=1, ge=0, le=100)
    """How many pods a rollout may start beyond the tier's replicas. By default 1.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge
    """
    max_unavailable: int = Field(default=0, ge=0, le=99)
    """How many of the tier's replicas a rollout may be short of. By default none.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable
    """
    min_ready_seconds: int = Field(default=0, ge=0, le=600)
    """How long a new pod must be ready before an old one is stopped. By default it is not waited for.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#min-ready-seconds
    """
    progress_deadline_seconds: int = Field(default=600, ge=10, le=3600)
    """How long a rollout may go on without a pod that becomes ready; then it has failed. It exceeds `minReadySeconds`.

    A migration has as long before it.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds
    """
    paused: bool = False
    """Whether rollouts rest: pods stay as they are, whatever else changes. By default they go on.

    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pausing-and-resuming-a-deployment
    """
    restarts: int = Field(default=0, ge=0)
    """Another number replaces every pod by one that is alike. By default 0.

    https://kubernetes.io/docs/reference/kubectl/generated/kubectl_rollout/kubectl_rollout_restart/
    """
    sticky: Literal["cookie", "clientIP"] | None = None
    """What keeps a client at the pod that answered it first, and so at its version. By default nothing does.

    `cookie`: the ingress controller, for browsers. `clientIP`: the Service, for clients inside the cluster. When the
    pod is gone, another one answers. https://doc.traefik.io/traefik/routing/providers/kubernetes-ingress/
    """

    @property
    def candidate_share(self) -> int:
        """`share`, or what it is by default."""
        return 25 if self.share is None else self.share

    @property
    def both_whole(self) -> bool:
        """Whether a candidate runs beside the current version with as many pods."""
        return self.candidate is not None and (self.strategy == "blueGreen" or self.by == "weight")

    @model_validator(mode="after")
    def _fits_the_strategy(self) -> Self:
        if self.candidate is not None and self.strategy not in BESIDE:
            raise ValueError(
                f"candidate {self.candidate} with strategy {self.strategy}: it runs beside the current version with "
                "canary and blueGreen alone; name one of these, or make it the tier's image"
            )
        if self.share is not None and self.strategy != "canary":
            raise ValueError(f"share {self.share} with strategy {self.strategy}: it is for canary alone; take it out")
        if self.by == "weight" and self.strategy != "canary":
            raise ValueError(f"by weight with strategy {self.strategy}: it is for canary alone; take it out")
        if self.share == 0 and self.by == "pods":
            raise ValueError("share 0 by pods: both versions have at least one; name 1 or more, or by weight")
        if self.live == "candidate" and self.strategy != "blueGreen":
            raise ValueError(f"live candidate with strategy {self.strategy}: it is for blueGreen alone; take it out")
        if self.live == "candidate" and self.candidate is None:
            raise ValueError("live candidate without a candidate: name its image, or make current live")
        return self

    @model_validator(mode="after")
    def _a_rollout_gets_on(self) -> Self:
        if self.max_surge == 0 and self.max_unavailable == 0:
            raise ValueError("maxSurge 0 with maxUnavailable 0: no pod could be replaced; raise one of them")
        if self.progress_deadline_seconds <= self.min_ready_seconds:
            raise ValueError(
                f"progressDeadlineSeconds {self.progress_deadline_seconds} with minReadySeconds "
                f"{self.min_ready_seconds}: every rollout would have failed; raise the deadline above it"
            )
        return self
