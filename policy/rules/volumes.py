"""Volumes of pods: their data outlives claims, StatefulSets, and in production the hand that slips."""

from collections.abc import Iterator
from typing import Any

from policy.rules.model import PRODUCTION, Stack, StackRule, Violation, among, at, elements, given, known
from tools.resource import UNKNOWN, Resource

CLAIM, STATEFUL_SET = "kubernetes:core/v1:PersistentVolumeClaim", "kubernetes:apps/v1:StatefulSet"
NAMESPACE, STORAGE_CLASS = "kubernetes:core/v1:Namespace", "kubernetes:storage.k8s.io/v1:StorageClass"


def _claims(stack: Stack) -> Iterator[tuple[Resource, Any]]:
    """Each claim's specification, with the resource that declares it."""
    for r in stack.of(CLAIM):
        yield r, at(r.inputs, "spec")
    for r in stack.of(STATEFUL_SET):
        for template in elements(at(r.inputs, "spec", "volumeClaimTemplates")):
            yield r, at(template, "spec")


def _retained(stack: Stack) -> Iterator[Violation]:
    if not stack.in_aws:
        return
    declared = {at(r.inputs, "metadata", "name") for r in stack.of(STORAGE_CLASS)}
    for r, spec in _claims(stack):
        name = at(spec, "storageClassName")
        if given(name) and not among(name, declared):
            yield Violation(
                r,
                f"is of storage class {name}, which may delete the data with the claim: declare that class in this "
                "stack, with reclaimPolicy Retain",
            )
    for r in stack.of(STATEFUL_SET):
        policy = at(r.inputs, "spec", "persistentVolumeClaimRetentionPolicy")
        kept = at(policy, "whenDeleted"), at(policy, "whenScaled")
        if given(at(r.inputs, "spec", "volumeClaimTemplates")) and any(w not in ("Retain", UNKNOWN) for w in kept):
            yield Violation(
                r,
                "may delete its claims: set persistentVolumeClaimRetentionPolicy.whenDeleted and .whenScaled to Retain",
            )


def _namespace_protected(stack: Stack) -> Iterator[Violation]:
    held = {at(r.inputs, "metadata", "namespace") for r, _ in _claims(stack)}
    for r in stack.of(NAMESPACE):
        name = at(r.inputs, "metadata", "name")
        if r.stack == PRODUCTION and not r.protect and known(name) and name in held:
            yield Violation(r, "deletes the claims in it when it is deleted by mistake: set the option protect=True")


STACK_RULES = [
    StackRule(
        name="claims-retained",
        description="In AWS, no controller deletes a claim, and no class a claim's data.",
        check=_retained,
    ),
    StackRule(
        name="namespace-of-volumes-protected",
        description="In production, Pulumi refuses to delete a namespace with claims.",
        check=_namespace_protected,
    ),
]
