"""Routes: hosts over HTTPS, with a Service behind each path prefix, and how clients reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
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

from components.kubernetes import SKIP_AWAIT, Backend, KubernetesComponent, allow_from, pods_in
from components.platform import gateway_api
from components.platform.cert_manager import SOLVER_LABELS, SOLVER_PORT, Certificate, CertificateArgs

ANNOTATIONS = {
    "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
    **SKIP_AWAIT,
}


@dataclass(frozen=True, kw_only=True)
class IngressEndpoint:
    """How routes reach clients: the ingress controller that serves them, and the issuer of their certificates.

    ingress_class, gateway_class: the ingress controller's; with both, an Ingress and a Gateway lead to the same.
    gateway_port: the port of a Gateway's listener for HTTPS; Traefik's is that of its container.
    ingress_namespace: the namespace of the ingress controller's pods.
    issuer: the name of the ClusterIssuer.
    controller: what must serve before it gets routes, for they may name middlewares of its own.
    dependencies: resources that must exist before the issuer's server can reach the ingress controller.
    """

    ingress_class: pulumi.Input[str] | None = None
    gateway_class: pulumi.Input[str] | None = None
    gateway_port: int = 443
    ingress_namespace: str
    issuer: pulumi.Input[str]
    controller: Sequence[pulumi.Resource] = ()
    dependencies: Sequence[pulumi.Resource] = ()


@dataclass(kw_only=True)
class RoutesArgs:
    """The routes of hosts that one certificate names.

    hosts: the main one first, each with the Services behind its path prefixes, whose elements match whole. The longest
    prefix wins.
    tiers: what serves behind them; requests are sent there only once it does.
    """

    namespace: str
    hosts: Mapping[str, Mapping[str, Backend]]
    endpoint: IngressEndpoint
    tiers: Sequence[pulumi.Resource]


class Routes(KubernetesComponent):
    """The certificate of the hosts, the main one at `url`, and the Ingress or the Gateway that serves them."""

    url: str

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Routes", name, args.namespace, opts)
        self._args, self._secret = args, f"{name}-tls"
        self.url = f"https://{next(iter(args.hosts))}"
        policy = self._create_challenge_policy()
        certificate = Certificate(
            self._secret,
            CertificateArgs(
                namespace=args.namespace,
                hosts=list(args.hosts),
                issuer=args.endpoint.issuer,
                secret_name=self._secret,
            ),
            opts=self._options(depends_on=[policy, *args.endpoint.dependencies]),
        )
        if args.endpoint.ingress_class is not None:
            self._create_ingress(args.endpoint.ingress_class)
        if args.endpoint.gateway_class is not None:
            self._create_http_routes(self._create_gateway(args.endpoint.gateway_class, certificate))
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

    def _create_ingress(self, ingress_class: pulumi.Input[str]) -> None:
        args = self._args
        rules = [
            IngressRuleArgs(host=host, http=HTTPIngressRuleValueArgs(paths=_paths(paths)))
            for host, paths in args.hosts.items()
        ]
        Ingress(
            self._name,
            metadata=self._metadata(annotations=ANNOTATIONS),
            spec=IngressSpecArgs(
                ingress_class_name=ingress_class,
                tls=[IngressTLSArgs(hosts=list(args.hosts), secret_name=self._secret)],
                rules=rules,
            ),
            opts=self._options(depends_on=[*args.endpoint.controller, *args.tiers]),
        )

    def _create_gateway(self, gateway_class: pulumi.Input[str], certificate: Certificate) -> CustomResource:
        """A listener without its certificate would not be valid, so that comes first; challenges need no Gateway."""
        args = self._args
        return CustomResource(
            self._name,
            api_version=gateway_api.API_VERSION,
            kind="Gateway",
            metadata=self._metadata(annotations=gateway_api.PROGRAMMED),
            spec=gateway_api.gateway_spec(gateway_class, args.endpoint.gateway_port, list(args.hosts), self._secret),
            opts=self._options(depends_on=[certificate, *args.endpoint.controller]),
        )

    def _create_http_routes(self, gateway: CustomResource) -> None:
        """A route for each host: its rules hold for all hosts that it names."""
        args = self._args
        for number, (host, paths) in enumerate(args.hosts.items()):
            name = self._name if number == 0 else f"{self._name}-{number}"
            CustomResource(
                name,
                api_version=gateway_api.API_VERSION,
                kind="HTTPRoute",
                metadata=self._metadata(name, annotations=gateway_api.ACCEPTED),
                spec=gateway_api.route_spec(self._name, host, paths),
                opts=self._options(depends_on=[gateway, *args.tiers]),
            )


def _paths(paths: Mapping[str, Backend]) -> list[HTTPIngressPathArgs]:
    return [_path(prefix, backend.service) for prefix, backend in paths.items()]


def _path(prefix: str, service: str) -> HTTPIngressPathArgs:
    port = ServiceBackendPortArgs(name="http")
    backend = IngressBackendArgs(service=IngressServiceBackendArgs(name=service, port=port))
    return HTTPIngressPathArgs(path=prefix, path_type="Prefix", backend=backend)
