"""The sign-in: its pods, the keys that sign and verify its tokens, and the users that `make user` keeps."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pulumi_kubernetes.core.v1 import Secret, SecretVolumeSourceArgs, VolumeArgs, VolumeMountArgs

from components.kubernetes import (
    SERVING,
    Backend,
    KubernetesComponent,
    Workload,
    WorkloadArgs,
    allow_collectors,
    allow_from,
    http_probe,
    pods_in,
)
from components.settings import LoginSettings

PATH = "/auth"
"""The path prefix of its routes (journal_auth/api.py)."""
PORT = 8080
MANAGEMENT_PORT = 8081
FINISH_SECONDS = 10
"""How long the program takes for requests that are under way when it stops (journal_auth/serve.py)."""
USERS = "auth-users"
"""The Secret with a key for each user. `make user` makes it: Pulumi neither makes nor reads it."""
KEYS_FILE = "keys.json"


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """What verifies tokens: who made them, for whom, and the Secret with the public keys as `keys.json`."""

    issuer: str
    audience: str
    secret: pulumi.Input[str]


def generations(current: int) -> tuple[int, ...]:
    """The keys that there are: the one before, the one that signs, and the next, which verifiers know beforehand."""
    return tuple(number for number in (current - 1, current, current + 1) if number > 0)


def private_jwk(seed: str, number: int) -> dict[str, str]:
    """The Ed25519 key of a seed and its number, as a JWK (RFC 8037); its id is its thumbprint (RFC 7638)."""
    of_key = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"journal auth key {number}".encode())
    key = Ed25519PrivateKey.from_private_bytes(of_key.derive(seed.encode()))
    x = _text(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    d = _text(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    required = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    kid = _text(hashlib.sha256(required.encode()).digest())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "d": d, "kid": kid, "use": "sig", "alg": "EdDSA"}


def public_set(keys: Sequence[dict[str, str]]) -> str:
    """The JWK set of the public halves, as JSON."""
    return json.dumps({"keys": [{name: value for name, value in key.items() if name != "d"} for key in keys]})


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass(kw_only=True)
class AuthArgs:
    """A sign-in.

    host: the journal's DNS name, which its tokens are of and for. image: the full reference of its image.
    ingress_namespace: the namespace of the ingress controller. collectors: networks from which metrics are collected.
    """

    namespace: str
    host: str
    settings: LoginSettings
    image: pulumi.Input[str]
    ingress_namespace: str
    collectors: Sequence[str] = ()


class Auth(KubernetesComponent):
    """The sign-in's pods, behind the Service with their name and the port `http`. They reach nothing.

    backend: the Service behind its path. verifier: by what the API knows its tokens.
    """

    backend: Backend
    verifier: Verifier

    def __init__(self, name: str, args: AuthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Auth", name, args.namespace, opts)
        self._args = args
        keys = self._create_keys()
        signing = keys[generations(args.settings.key_generation).index(args.settings.key_generation)]
        private = self._create_secret(f"{name}-signing-key", "key.json", signing.apply(json.dumps))
        public = self._create_secret(f"{name}-keys", KEYS_FILE, pulumi.Output.all(*keys).apply(public_set))
        address = f"https://{args.host}"
        self.verifier = Verifier(issuer=f"{address}{PATH}", audience=f"{address}/api", secret=public.metadata.name)
        self.backend = Backend(service=name)
        workload = self._create_workload(private, public)
        self._create_service({"http": 80}, depends_on=[workload])
        self.register_outputs({})

    def _create_keys(self) -> list[pulumi.Output[dict[str, str]]]:
        """Of random seeds: the state has them encrypted, as it has Redis' password."""
        return [
            random.RandomPassword(
                f"{self._name}-key-{number}", length=64, special=False, opts=self._options()
            ).result.apply(lambda seed, number=number: private_jwk(seed, number))
            for number in generations(self._args.settings.key_generation)
        ]

    def _create_secret(self, name: str, file: str, content: pulumi.Output[str]) -> Secret:
        """It keeps its name: the kubelet brings a change to running pods, and they read it."""
        return Secret(name, metadata=self._metadata(name), string_data={file: content}, opts=self._options())

    def _create_workload(self, private: Secret, public: Secret) -> Workload:
        args = self._args
        return Workload(
            self._name,
            WorkloadArgs(
                namespace=args.namespace,
                image=args.image,
                replicas=args.settings.replicas,
                resources=args.settings.resources,
                priority_class=SERVING,
                ports={"http": PORT, "management": MANAGEMENT_PORT},
                liveness=http_probe("/livez", "management", period=10),
                readiness=http_probe("/readyz", "management", period=2, failures=2),
                environment={
                    "ISSUER": self.verifier.issuer,
                    "AUDIENCE": self.verifier.audience,
                    "SESSION_SECONDS": str(args.settings.session_minutes * 60),
                    "DRAIN_SECONDS": "0",  # the pod has waited before it tells the program
                },
                volumes=[
                    secret_volume(f"{self._name}-signing-key", private.metadata.name),
                    secret_volume(f"{self._name}-keys", public.metadata.name),
                    secret_volume(USERS, USERS, optional=True),
                ],
                drain_seconds=FINISH_SECONDS,
                ingress=[
                    allow_from([pods_in(args.ingress_namespace)], "http"),
                    *allow_collectors(args.collectors, "management"),
                ],
            ),
            opts=self._options(),
        )


def secret_volume(
    name: str, secret: pulumi.Input[str], *, optional: bool = False
) -> tuple[VolumeArgs, VolumeMountArgs]:
    """A Secret as files in /etc/NAME. optional: whether pods start without it, and get its files once it is there."""
    source = SecretVolumeSourceArgs(secret_name=secret, default_mode=0o440, optional=True if optional else None)
    return VolumeArgs(name=name, secret=source), VolumeMountArgs(name=name, mount_path=f"/etc/{name}", read_only=True)
