"""The default storage class: encrypted EBS gp3 volumes that outlive their claims."""

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.storage.v1 import StorageClass

from components.kubernetes import labels

DEFAULT_CLASS = {"storageclass.kubernetes.io/is-default-class": "true"}


class DefaultStorageClass(pulumi.ComponentResource):
    """The storage class `name`, which claims that name no storage class use.

    Volumes are encrypted with the account's AWS managed key `aws/ebs`, can be enlarged, and are created in the zone of
    the first pod that mounts them. When a claim is deleted, its volume is retained.
    name: the class's name.
    """

    name: str
    storage_class: StorageClass

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:DefaultStorageClass", name, {}, opts)
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
