"""The Pulumi package `journal`: components for programs in any of Pulumi's languages (`pulumi package add`).

These are the ones whose arguments are texts and lists of them. The others take Python values, such as a Scope, a
Placement or another component, which a schema has no word for: programs in Python import those from `components`.

The host reads the arguments' names and types from the annotation, and hands over a dict of them
(pulumi.provider.experimental).
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import pulumi
from pulumi.provider.experimental import component_provider_host

from components import kubernetes
from components.kubernetes import AdmissionArgs, PeopleArgs
from components.platform import cert_manager
from components.platform.cert_manager import AcmeIssuerArgs, CertificateArgs

VERSION = "1.0.0"
Args = TypeVar("Args")


def arguments(kind: type[Args], given: Args) -> Args:
    """The arguments, of the dict that the host hands over."""
    return kind(**cast(Mapping[str, Any], given))


class AcmeIssuer(cert_manager.AcmeIssuer):
    def __init__(self, name: str, args: AcmeIssuerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, arguments(AcmeIssuerArgs, args), opts)


class Admission(kubernetes.Admission):
    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, arguments(AdmissionArgs, args), opts)


class Certificate(cert_manager.Certificate):
    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, arguments(CertificateArgs, args), opts)


class People(kubernetes.People):
    def __init__(self, name: str, args: PeopleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, arguments(PeopleArgs, args), opts)


COMPONENTS: list[type[pulumi.ComponentResource]] = [AcmeIssuer, Admission, Certificate, People]

if __name__ == "__main__":
    component_provider_host(COMPONENTS, name="journal", version=VERSION)
