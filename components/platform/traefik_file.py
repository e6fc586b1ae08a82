"""What Traefik reads from its file: middlewares, how TLS is spoken, and answers for routes that are missing."""

from collections.abc import Mapping, Sequence

from components.settings import IngressSettings

ATTEMPTS = 5
"""To how many pods a request is sent at most: to another one only while none of it was sent."""
COMPRESSED = ("application/json", "application/problem+json")
"""What the API sends. The page's texts are compressed once, when its image is built, and NGINX serves them so."""
COMPRESSED_FROM_BYTES = 1024
IPV6_SUBNET = 64
"""The prefix length of an IPv6 network that counts as one client: the smallest that is given out (RFC 6177)."""
BASIC_AUTH = "/etc/traefik/basic-auth"
"""The folder in which the pods have the Secret's file `users`, a line of NAME:HASH for each."""
REALM = "journal"
AEAD_SUITES = tuple(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
    for key in ("ECDSA", "RSA")
)
"""The suites of TLS 1.2 that RFC 9325 recommends; all of TLS 1.3 are such. Go's default has CBC ones too."""


def middlewares(settings: IngressSettings) -> dict[str, dict]:
    """What every request over HTTPS passes, outermost first, whatever leads it to its tier.

    `rate-limit` goes by the address of the connection, the client's: the Service keeps it, and no header is asked. It
    stands before `basic-auth`, so that it slows who guesses.
    `retry` sends a request to another pod when no connection to the first one comes about. Once a header is on its way
    it does not, so no write is made twice; around another one it never does. Source: Traefik's pkg/middlewares.
    """
    headers = {
        "customResponseHeaders": {
            "Strict-Transport-Security": f"max-age={settings.hsts_seconds}; includeSubDomains",
            "Server": "",
        },
        "contentTypeNosniff": True,
    }
    compress = {
        "includedContentTypes": list(COMPRESSED),
        "minResponseBodyBytes": COMPRESSED_FROM_BYTES,
        "encodings": ["br", "gzip"],
    }
    return {
        "security-headers": {"headers": headers},
        **_rate_limit(settings),
        **_basic_auth(settings),
        "compress": {"compress": compress},
        "retry": {"retry": {"attempts": ATTEMPTS}},
    }


def _rate_limit(settings: IngressSettings) -> dict[str, dict]:
    rate = settings.limits.rate
    if rate is None:
        return {}
    limit = {
        "average": rate.average,
        "burst": rate.burst,
        "period": f"{rate.period_seconds}s",
        "sourceCriterion": {"ipStrategy": {"ipv6Subnet": IPV6_SUBNET}},
    }
    return {"rate-limit": {"rateLimit": limit}}


def _basic_auth(settings: IngressSettings) -> dict[str, dict]:
    if not settings.basic_auth:
        return {}
    return {"basic-auth": {"basicAuth": {"usersFile": f"{BASIC_AUTH}/users", "realm": REALM, "removeHeader": True}}}


def rule(host: str, path: str) -> str:
    """The rule of an Ingress' path, whose elements it matches whole (Traefik's pkg/provider/kubernetes/ingress)."""
    prefix = path.rstrip("/")
    paths = f'(Path("{prefix}") || PathPrefix("{prefix}/"))' if prefix else 'PathPrefix("/")'
    return f'Host("{host}") && {paths}'


def unavailable(hosts: Mapping[str, Sequence[str]], *, gateway: bool = False) -> dict[str, dict]:
    """Routers that answer 503 for paths whose route is missing.

    Traefik drops the route of an Ingress whose Service is missing, and the route with the next shorter path, another
    tier's, would answer. A route's priority is the length of its rule; these stand just below their own path's, and
    above that of every shorter one. Below a gateway's routes they stand lowest, for while there is no HTTPRoute: its
    rule whose Service is missing stays, and answers 500 by the Gateway API.
    """
    rules = [rule(host, path) for host, paths in hosts.items() for path in paths]
    return {
        f"unavailable-{number}": {
            "entryPoints": ["websecure"],
            "rule": text,
            "priority": 1 if gateway else len(text) - 1,
            "service": "unavailable",
            "middlewares": ["retry-after"],
            "tls": {},
        }
        for number, text in enumerate(rules)
    }


def dynamic_configuration(settings: IngressSettings, hosts: Mapping[str, Sequence[str]]) -> dict:
    """The file's content. hosts: each host's path prefixes. A service without servers answers 503."""
    retry_after = {"retry-after": {"headers": {"customResponseHeaders": {"Retry-After": "1"}}}}
    return {
        "http": {
            "middlewares": middlewares(settings) | retry_after,
            "routers": unavailable(hosts, gateway=settings.has_gateway),
            "services": {"unavailable": {"loadBalancer": {"servers": []}}},
        },
        "tls": {"options": {"default": {"minVersion": "VersionTLS12", "cipherSuites": list(AEAD_SUITES)}}},
    }
