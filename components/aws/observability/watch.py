"""What is watched, as two texts that Prometheus reads; `components/observability` writes them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is collected, and when somebody is told.

    rules: a file of alarm rules (prometheus.io, Alerting rules).
    scrape_configuration: a configuration of Prometheus with its scrape jobs (prometheus.io, Configuration).
    """

    rules: str
    scrape_configuration: str
