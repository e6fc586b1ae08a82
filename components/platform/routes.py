"""Routes: one host over HTTPS, with a Service behind each path prefix, and how clients reach them."""

from collections.abc import Mapping, Sequence
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

from components.kubernetes import SKIP_AWAIT, KubernetesComponent, allow_from, pods_in
from components.platform.cert_manager import SOLVER_LABELS, SOLVER_PORT, Certificate, CertificateArgs

ANNOTATIONS = {
    "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
    "traefik.ingress.kubernetes.io/router.middlewares": "security-headers@file,retry@file",
    **SKIP_AWAIT,
}


@dataclass(frozen=True, kw_only=True)
class IngressEndpoint:
    """How routes reach clients: the ingress controller that serves them, and the issuer of their certificates.

    ingress_class: the ingress controller's class. ingress_namespace: the namespace of its pods.
    issuer: the name of the ClusterIssuer.
    controller: what must serve before it gets routes, for they may name middlewares of its own.
    dependencies: resources that must exist before the issuer's server can reach the ingress controller.
    """

    ingress_class: pulumi.Input[str]
    ingress_namespace: str
    issuer: pulumi.Input[str]
    controller: Sequence[pulumi.Resource] = ()
    dependencies: Sequence[pulumi.Resource] = ()


@dataclass(kw_only=True)
class RoutesArgs:
    """The routes of one host.

    paths: the name of the Service behind each path prefix; its port is called `http`. The longest prefix wins.
    tiers: what serves behind them; requests are sent there only once it does.
    """

    namespace: str
    host: str
    paths: Mapping[str, str]
    endpoint: IngressEndpoint
    tiers: Sequence[pulumi.Resource]


class Routes(KubernetesComponent):
    """The Ingress and the certificate of one host, whose address is `url`."""

    url: str

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Routes", name, args.namespace, opts)
        self._args, self._secret = args, f"{name}-tls"
        self.url = f"https://{args.host}"
        policy = self._create_challenge_policy()
        Certificate(
            self._secret,
            CertificateArgs(
                namespace=args.namespace, host=args.host, issuer=args.endpoint.issuer, secret_name=self._secret
            ),
            opts=self._options(depends_on=[policy, *args.endpoint.dependencies]),
        )
        self._create_ingress()
        self.register_outputs({"url": self.url})

    def _create_challenge_policy(self) -> NetworkPolicy:
        """Lets the ingress controller reach the pods in which cert-manager answers HTTP-01 challenges."""
        return NetworkPolicy(
            f"{self._name}-acme-challenges",
            metadata=self._metadata("acme-challenges"),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=SOLVER_LABELS),
                policy_types=["Ingress"],
                ingress=[allow_from([pods_in(self._args.endpoint.ingress_namespace)], SOLVER_PORT)],
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
                ingress_class_name=args.endpoint.ingress_class,
                tls=[IngressTLSArgs(hosts=[args.host], secret_name=self._secret)],
                rules=[IngressRuleArgs(host=args.host, http=HTTPIngressRuleValueArgs(paths=paths))],
            ),
            opts=self._options(depends_on=[*args.endpoint.controller, *args.tiers]),
        )


def _path(prefix: str, service: str) -> HTTPIngressPathArgs:
    port = ServiceBackendPortArgs(name="http")
    backend = IngressBackendArgs(service=IngressServiceBackendArgs(name=service, port=port))
    return HTTPIngressPathArgs(path=prefix, path_type="Prefix", backend=backend)
