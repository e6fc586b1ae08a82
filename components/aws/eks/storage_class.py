"""Volumes: the cluster's default storage class, EBS gp3, encrypted, kept when its claim goes."""

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.storage.v1 import StorageClass

from components.kubernetes import labels

DEFAULT_CLASS = {"storageclass.kubernetes.io/is-default-class": "true"}


class DefaultStorageClass(pulumi.ComponentResource):
    """The storage class that claims without one get; it is called `name`.

    A volume is made in the zone of the pod that first asks for it, and is EBS's own key's (`aws/ebs`). Claims may grow.
    """

    name: str
    storage_class: StorageClass

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:DefaultStorageClass", name, {}, opts)
        self.name = name
        self.storage_class = StorageClass(
            name,
            metadata=ObjectMetaArgs(name=name, labels=labels(name), annotations=DEFAULT_CLASS),
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true", "csi.storage.k8s.io/fstype": "ext4"},
            reclaim_policy="Retain",
            allow_volume_expansion=True,
            volume_binding_mode="WaitForFirstConsumer",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": name})
