"""Settings of what one client may ask of the ingress controller: how often, and how slowly."""

from pydantic import Field

from components.settings.values import Model


class RateLimit(Model):
    """How often one client address may ask; what is more is refused with 429 and Retry-After.

    Each pod of the ingress controller counts for itself, and counts each path prefix apart. Clients behind one
    address share its limit, and so do those of one IPv6 network /64.
    """

    average: int = Field(default=50, ge=1, le=100_000)
    """How many requests a client address may send in each period, on average. By default 50.

    https://doc.traefik.io/traefik/v3.6/middlewares/http/ratelimit/
    """
    burst: int = Field(default=200, ge=1, le=100_000)
    """How many requests a client address may send at once. By default 200; the page with its assets takes 15.

    https://doc.traefik.io/traefik/v3.6/middlewares/http/ratelimit/
    """
    period_seconds: int = Field(default=1, ge=1, le=3600)
    """The length of a period in seconds. By default 1.

    https://doc.traefik.io/traefik/v3.6/middlewares/http/ratelimit/
    """


class Limits(Model):
    """What one client may ask. Sizes are not here: each tier refuses bodies that are too large for it."""

    rate: RateLimit | None = RateLimit()
    """How often one client address may ask. By default 50 times a second; with null there is no limit.

    https://doc.traefik.io/traefik/v3.6/middlewares/http/ratelimit/
    """
    read_seconds: int = Field(default=20, ge=15, le=300)
    """How long a request may take to arrive, its body included, before its connection is closed. By default 20.

    It is at least 15: the API gives a body 10 seconds and then answers 408, which a client can read.
    https://doc.traefik.io/traefik/v3.6/reference/install-configuration/entrypoints/
    """
    idle_seconds: int = Field(default=180, ge=10, le=340)
    """How long a connection without a request is kept. By default 180.

    It is at most 340: the load balancer in AWS forgets connections that are idle for 350 seconds, and tells nobody.
    https://doc.traefik.io/traefik/v3.6/reference/install-configuration/entrypoints/
    """
