"""Errors that nobody foresaw, reported to Sentry. Imported where a DSN is set, and nowhere else."""

import logging

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration

from .settings import Settings

FLUSH_SECONDS = 2


def start(settings: Settings, dsn: str) -> None:
    """Reports what is logged as an error, and what ends the process, from a thread of its own.

    A report says where in the code it was, and the request's id. It holds no request, no address of a client and no
    variable's value: those can be what people wrote.
    """
    sentry_sdk.init(
        dsn=dsn,
        release=f"{settings.version}-{settings.commit}",
        environment=settings.environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            ExcepthookIntegration(),
            AtexitIntegration(callback=lambda pending, timeout: None),
        ],
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        shutdown_timeout=FLUSH_SECONDS,
    )
