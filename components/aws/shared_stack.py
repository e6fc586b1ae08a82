"""What environments know of the stack `shared`: the names of its outputs, written once, and their typed reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pulumi


@dataclass(kw_only=True)
class SharedOutputs:
    """The outputs of the stack `shared`; a field's name is the output's.

    registry: the image registry's host, without a scheme.
    zone_id, name_servers: of the DNS zone; the domain's registrar must name these servers.
    boundary_arn: the permissions boundary that every role of an environment carries.
    preview_role_arn, drift_role_arn, images_role_arn: what GitHub's environments `preview`, `drift` and `images` take.
    deploy_role_arns: what each environment's deployment takes, by environment.
    """

    registry: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]]
    boundary_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]
    drift_role_arn: pulumi.Output[str]
    images_role_arn: pulumi.Output[str]
    deploy_role_arns: pulumi.Output[dict[str, str]]


def by_name(outputs: SharedOutputs) -> dict[str, pulumi.Output[Any]]:
    """As a stack puts them out."""
    return {field.name: getattr(outputs, field.name) for field in fields(SharedOutputs)}


class SharedStack(SharedOutputs):
    """The stack `shared`, by its full name (`organization/journal/shared`).

    Reading fails with pulumi.RunError, naming the output, where the stack lacks one.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        reference = pulumi.StackReference("shared", stack_name=name, opts=opts)
        self._stack = name
        super().__init__(**{field.name: self._read(reference, field.name) for field in fields(SharedOutputs)})

    def deploy_role_arn(self, environment: str) -> pulumi.Output[str]:
        """The role that deploys an environment."""

        def of(arns: Mapping[str, str]) -> str:
            if environment not in arns:
                raise pulumi.RunError(
                    f"stack {self._stack} has no deploy role for {environment}; add {environment} to "
                    "journal:github.environments in its file, then run `pulumi up` on it"
                )
            return arns[environment]

        return self.deploy_role_arns.apply(of)

    def _read(self, reference: pulumi.StackReference, output: str) -> pulumi.Output[Any]:
        def there(value: Any) -> Any:
            if value is None:
                raise pulumi.RunError(f"stack {self._stack} has no output {output}; run `pulumi up` on it first")
            return value

        return reference.get_output(output).apply(there)
