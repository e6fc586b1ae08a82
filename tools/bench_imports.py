"""Loads what the program of stack `prod` takes from its packages, and does nothing: what its preview is measured by."""

import importlib

from tools import startup

startup.quick()

import pulumi_aws as aws  # noqa: E402

SERVICES = "autoscaling backup cloudwatch ec2 ecr eks iam kms lb route53 s3 vpc"
GROUPS = "apps.v1 core.v1 helm.v3 meta.v1 networking.v1 policy.v1 rbac.v1 storage.v1"

for service in SERVICES.split():
    getattr(getattr(aws, service), "__all__", None)  # any attribute: the package is lazy
for group in GROUPS.split():
    importlib.import_module(f"pulumi_kubernetes.{group}")
importlib.import_module("pulumi_random")
