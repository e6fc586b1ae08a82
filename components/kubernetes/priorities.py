"""Priority classes: which pods stay when the nodes have no room for all of them."""

import pulumi
from pulumi_kubernetes.scheduling.v1 import PriorityClass

from components.kubernetes.component import KubernetesComponent

DATA, EDGE, SERVING = "stack-data", "stack-edge", "stack-serving"
PRIORITIES = {
    DATA: (3000, "Redis: without it, nothing is written, and each restart copies the journal anew."),
    EDGE: (2000, "The ingress controller: without it, no tier is reached."),
    SERVING: (1000, "Tiers that answer requests. Jobs and what has no class go first."),
}
"""Value and meaning of each class. Kubernetes' own begin at 2,000,000,000, the default is 0: DaemonSets of the system
outrank ours, and backups, migrations and a person's pods wait for room, or make it."""


class Priorities(KubernetesComponent):
    """The priority classes.

    A pod that finds no room takes the place of one below it, and a node that runs out of memory ends those first that
    use more than they asked for, by priority (kubernetes.io, Pod Priority and Preemption; Node-pressure Eviction).
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:kubernetes:Priorities", name, "", opts)
        for class_name, (value, description) in PRIORITIES.items():
            PriorityClass(
                class_name,
                metadata=self._metadata(class_name, cluster_wide=True),
                value=value,
                description=description,
                opts=self._options(),
            )
        self.register_outputs({})
