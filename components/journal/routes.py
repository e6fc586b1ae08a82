"""The routes: one host, `/api` to the API and all else to the page, over HTTPS."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    HTTPIngressPathArgs,
    HTTPIngressRuleValueArgs,
    Ingress,
    IngressBackendArgs,
    IngressRuleArgs,
    IngressServiceBackendArgs,
    IngressSpecArgs,
    IngressTLSArgs,
    NetworkPolicy,
    NetworkPolicySpecArgs,
    ServiceBackendPortArgs,
)

from components.base import KubernetesComponent
from components.platform.acme import SOLVER_LABELS, SOLVER_PORT, Certificate, CertificateArgs
from components.policies import allow_from, namespace

ANNOTATIONS = {
    "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
    "traefik.ingress.kubernetes.io/router.middlewares": "security-headers@file",
}


@dataclass(kw_only=True)
class RoutesArgs:
    """What the routes need to be told.

    paths: the Service behind each path prefix.
    issuer: the ClusterIssuer of the host's certificate.
    reachable: what must be there before the issuer can check the host.
    """

    namespace: str
    host: str
    paths: dict[str, str]
    issuer: pulumi.Input[str]
    ingress_class: pulumi.Input[str]
    ingress_namespace: str
    reachable: Sequence[pulumi.Resource] = ()


class Routes(KubernetesComponent):
    """The Ingress and the certificate of one host. The journal is at `url`."""

    url: str

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("web:Routes", name, args.namespace, opts)
        self._args, self._secret = args, f"{name}-tls"
        self.url = f"https://{args.host}"
        policy = self._create_challenge_policy()
        Certificate(
            self._secret,
            CertificateArgs(namespace=args.namespace, host=args.host, issuer=args.issuer, secret_name=self._secret),
            opts=self._options(depends_on=[policy, *args.reachable]),
        )
        self._create_ingress()
        self.register_outputs({"url": self.url})

    def _create_challenge_policy(self) -> NetworkPolicy:
        """Lets the ingress controller reach the pods by which cert-manager answers HTTP-01 challenges."""
        return NetworkPolicy(
            f"{self._name}-acme-challenges",
            metadata=self._metadata("acme-challenges"),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=SOLVER_LABELS),
                policy_types=["Ingress"],
                ingress=[allow_from([namespace(self._args.ingress_namespace)], SOLVER_PORT)],
            ),
            opts=self._options(),
        )

    def _create_ingress(self) -> None:
        args = self._args
        paths = [_path(prefix, service) for prefix, service in args.paths.items()]
        Ingress(
            self._name,
            metadata=self._metadata(annotations=ANNOTATIONS),
            spec=IngressSpecArgs(
                ingress_class_name=args.ingress_class,
                tls=[IngressTLSArgs(hosts=[args.host], secret_name=self._secret)],
                rules=[IngressRuleArgs(host=args.host, http=HTTPIngressRuleValueArgs(paths=paths))],
            ),
            opts=self._options(),
        )


def _path(prefix: str, service: str) -> HTTPIngressPathArgs:
    port = ServiceBackendPortArgs(name="http")
    backend = IngressBackendArgs(service=IngressServiceBackendArgs(name=service, port=port))
    return HTTPIngressPathArgs(path=prefix, path_type="Prefix", backend=backend)
