"""What the API server refuses, whoever asks: rules of `policy/`, asked again where no program of ours makes the object.

`policy/rules` speaks in the preview, of what the program declares; these speak of what kubectl and charts bring too.
They bear the same names, and take the registries from the same list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpecArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
    VariableArgs,
)
from pulumi_kubernetes.core.v1 import NamespacePatch
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs, ObjectMetaPatchArgs

from components.kubernetes.component import KubernetesComponent, labels

PRIVILEGED = ("kube-system",)
"""The namespaces in which pods may be privileged: CNI, kube-proxy and the CSI driver work on the node itself."""
BASELINE = {
    "pod-security.kubernetes.io/enforce": "baseline",
    "pod-security.kubernetes.io/audit": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}
WORKLOADS = {"apps": ("daemonsets", "deployments", "replicasets", "statefulsets"), "batch": ("jobs",)}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Objects that hold pods in the same place. resources: by API group. pod: where a pod's spec is, in CEL."""

    name: str
    resources: Mapping[str, Sequence[str]]
    pod: str

    @property
    def rules(self) -> list[NamedRuleWithOperationsArgs]:
        return [
            NamedRuleWithOperationsArgs(
                api_groups=[group], api_versions=["v1"], operations=["CREATE", "UPDATE"], resources=list(resources)
            )
            for group, resources in self.resources.items()
        ]

    @property
    def variables(self) -> list[VariableArgs]:
        """Every list of containers: those that kubectl debug adds are of a type of their own."""
        first, debug = (
            f"has({self.pod}.{field}) ? {self.pod}.{field} : []" for field in ("initContainers", "ephemeralContainers")
        )
        return [
            VariableArgs(name="containers", expression=f"{self.pod}.containers + ({first})"),
            VariableArgs(name="debug", expression=debug),
        ]


PODS = Shape(name="pods", resources={"": ("pods", "pods/ephemeralcontainers")}, pod="object.spec")
SHAPES = (
    PODS,
    Shape(name="workloads", resources=WORKLOADS, pod="object.spec.template.spec"),
    Shape(name="cron-jobs", resources={"batch": ("cronjobs",)}, pod="object.spec.jobTemplate.spec.template.spec"),
)


def _rule(name: str, message: str, condition: str) -> ValidationArgs:
    every = " && ".join(f"variables.{which}.all(c, {condition})" for which in ("containers", "debug"))
    return ValidationArgs(expression=every, message=f"{name}: {message}", reason="Invalid")


def no_privileges() -> ValidationArgs:
    security = "c.securityContext"
    return _rule(
        "no-privileges",
        f"privileged containers run in {', '.join(PRIVILEGED)} alone",
        f"!has({security}) || !has({security}.privileged) || !{security}.privileged",
    )


def validations(shape: Shape, registries: Sequence[str]) -> list[ValidationArgs]:
    """The rules for what is in namespaces of ours. A pod's limits are not asked for: its namespace has defaults."""
    found = [
        _rule(
            "image-pinned",
            "an image names a version or a digest, and latest is none",
            r"c.image.matches(r'@sha256:[0-9a-f]{64}$')"
            r" || (c.image.matches(r':[\w][\w.-]*$') && !c.image.endsWith(':latest'))",
        ),
        _rule(
            "image-registry",
            "the image's registry is not trusted here; copy it to ECR (components/versions.py)",
            f"c.image.matches(r'^({'|'.join(registries)})')",
        ),
    ]
    if shape is not PODS:
        given = "has(c.resources) && has(c.resources.{0}) && 'cpu' in c.resources.{0} && 'memory' in c.resources.{0}"
        condition = f"{given.format('requests')} && {given.format('limits')}"
        found.append(_rule("requests-and-limits", "a container has requests and limits of cpu and memory", condition))
    return found


@dataclass(kw_only=True)
class AdmissionArgs:
    """registries: patterns of how the images of our namespaces begin."""

    registries: Sequence[str]


class Admission(KubernetesComponent):
    """Admission policies of the namespaces that the program makes, and pod security of the namespace `default`.

    The API server evaluates the policies itself, so none can be away (kubernetes.io, Validating Admission Policy).
    """

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:kubernetes:Admission", name, "", opts)
        part_of = "app.kubernetes.io/part-of"
        ours = LabelSelectorArgs(match_labels={part_of: labels(name)[part_of]})
        elsewhere = LabelSelectorArgs(
            match_expressions=[
                LabelSelectorRequirementArgs(
                    key="kubernetes.io/metadata.name", operator="NotIn", values=list(PRIVILEGED)
                )
            ]
        )
        for shape in SHAPES:
            self._create_policy(f"stack-{shape.name}", shape, validations(shape, args.registries), ours)
            self._create_policy(f"no-privileged-{shape.name}", shape, [no_privileges()], elsewhere)
        NamespacePatch("default", metadata=ObjectMetaPatchArgs(name="default", labels=BASELINE), opts=self._options())
        self.register_outputs({})

    def _create_policy(
        self, name: str, shape: Shape, validations: Sequence[ValidationArgs], namespaces: LabelSelectorArgs
    ) -> None:
        policy = ValidatingAdmissionPolicy(
            name,
            metadata=self._metadata(name, cluster_wide=True),
            spec=ValidatingAdmissionPolicySpecArgs(
                failure_policy="Fail",
                match_constraints=MatchResourcesArgs(resource_rules=shape.rules),
                variables=shape.variables,
                validations=list(validations),
            ),
            opts=self._options(),
        )
        ValidatingAdmissionPolicyBinding(
            name,
            metadata=self._metadata(name, cluster_wide=True),
            spec=ValidatingAdmissionPolicyBindingSpecArgs(
                policy_name=name,
                validation_actions=["Deny"],
                match_resources=MatchResourcesArgs(namespace_selector=namespaces),
            ),
            opts=self._options(depends_on=[policy]),
        )
