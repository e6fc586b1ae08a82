"""Settings of a tier's autoscaler: between which numbers of pods it chooses, and by what."""

from typing import Self

from pydantic import Field, model_validator

from components.settings.values import Model


class Autoscaling(Model):
    """The bounds of a HorizontalPodAutoscaler, which adds pods within seconds and takes them away slowly."""

    min_replicas: int = Field(default=2, ge=2, le=100)
    """The fewest pods; at least 2, so that one can be replaced without an outage. By default 2.

    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    max_replicas: int = Field(ge=2, le=100)
    """The most pods that there may be. The namespace's quota and the time that a rollout may take follow from it.

    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    cpu_utilization: int = Field(default=70, ge=10, le=1000)
    """The CPU that pods are to use on average, in percent of what they request. By default 70.

    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
    """
    scale_down_seconds: int = Field(default=300, ge=0, le=3600)
    """How long fewer pods must have been enough before one is taken away. By default 300.

    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#stabilization-window
    """

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"maxReplicas {self.max_replicas} below minReplicas {self.min_replicas}: raise it, or lower minReplicas"
            )
        return self
