"""Settings of workflows: Argo Workflows, and the journal's nightly digest."""

from collections.abc import Sequence

from pydantic import Field

from components import versions
from components.settings.node_groups import ANYWHERE, NodeGroupSettings, Placement
from components.settings.values import CronSchedule, KubernetesName, Model


class WorkflowSettings(Model):
    """Argo Workflows in a namespace of its own, and the workflows of the journal."""

    node_group: KubernetesName | None = None
    """The node group of `aws.nodeGroups` that workflows' pods run on, whose taints they tolerate. By default any node.

    It may be empty: the Cluster Autoscaler starts a node for a pod, and takes it away again.
    https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """
    keep_days: int = Field(default=7, ge=1, le=90)
    """How many days a workflow that has ended is kept, and in AWS what it stored in its bucket. By default 7."""
    digest_schedule: CronSchedule = "30 4 * * *"
    """When the digest of the last 24 hours is made, in UTC: minute, hour, day, month and weekday. By default at 4:30.

    https://argo-workflows.readthedocs.io/en/latest/cron-workflows/
    """
    crds: str = Field(default=versions.ARGO_CRDS, min_length=1)
    """Where the definitions of Argo's kinds are: a folder, or the URL of one. By default of the version that runs.

    https://argo-workflows.readthedocs.io/en/latest/installation/
    """

    def placement(self, groups: Sequence[NodeGroupSettings]) -> Placement:
        """The nodes that workflows' pods run on. Raises KeyError where none of the groups has the name."""
        if self.node_group is None:
            return ANYWHERE
        taints = {group.name: group.taints for group in groups}[self.node_group]
        return Placement(node_group=self.node_group, tolerates=tuple((taint.key, taint.value) for taint in taints))
