"""Logs: one JSON object a line on stdout."""

import logging
import sys

import orjson
import structlog


def configure(level: str) -> None:
    """Sends every logger of the process to stdout as JSON lines."""
    processors = structlog.stdlib
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        processors.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                processors.add_log_level,
                processors.add_logger_name,
                processors.ExtraAdder(),
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("message"),
            ],
            processors=[
                processors.ProcessorFormatter.remove_processors_meta,
                lambda _, __, event: orjson.dumps(event, default=str).decode(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
