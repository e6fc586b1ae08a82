"""Logs: one JSON object a line on stdout."""

import asyncio
import contextlib
import logging
import sys
from typing import Any

import orjson
import structlog

_TIME = structlog.processors.TimeStamper(fmt="iso", utc=True, key="time")


def _dumps(value: Any, **_: Any) -> bytes:
    return orjson.dumps(value, default=str)


def configure(level: str) -> None:
    """Sends every logger of the process to stdout as JSON lines."""
    processors = structlog.stdlib
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        processors.ProcessorFormatter(
            foreign_pre_chain=[
                _TIME,
                processors.add_log_level,
                processors.add_logger_name,
                processors.ExtraAdder(),
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("message"),
            ],
            processors=[
                processors.ProcessorFormatter.remove_processors_meta,
                lambda _, __, event: _dumps(event).decode(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _Turn:
    """A file whose lines of one turn of the event loop are written together."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(line)

    def flush(self) -> None:
        """Happens at the end of the turn."""

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        with contextlib.suppress(OSError):
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()


def request_logger() -> Any:
    """For one line a request: its fields are the keywords of `info`."""
    return structlog.wrap_logger(
        structlog.BytesLogger(_Turn()),  # ty: ignore[invalid-argument-type]
        processors=[structlog.processors.add_log_level, _TIME, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.BoundLogger,
    ).bind(logger="request")
