"""Logs: one JSON object a line on stdout."""

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime

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


class RequestLog:
    """One line a request. The lines of one turn of the event loop are written together."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, **fields: str | int | float) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        line = {"time": datetime.now(UTC), "level": "info", "logger": "request", **fields}
        self._lines.append(orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        with contextlib.suppress(OSError):
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
