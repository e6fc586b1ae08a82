"""The default storage class."""

from components.aws.eks.storage_class import DefaultStorageClass
from tools.recording import Recorder, run


def test_the_default_class_encrypts_volumes_and_retains_them() -> None:
    recorder = Recorder()
    run(lambda: DefaultStorageClass("gp3"), recorder, project="journal", stack="prod", fail_on_warnings=True)
    storage = recorder.one("StorageClass", "gp3")
    assert storage["metadata"]["name"] == "gp3"
    assert storage["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert storage["provisioner"] == "ebs.csi.aws.com"
    assert (storage["parameters"]["type"], storage["parameters"]["encrypted"]) == ("gp3", "true")
    assert (storage["reclaimPolicy"], storage["volumeBindingMode"]) == ("Retain", "WaitForFirstConsumer")
    assert storage["allowVolumeExpansion"] is True
