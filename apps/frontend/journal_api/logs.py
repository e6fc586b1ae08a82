"""Logs: one JSON object a line on stdout."""

import asyncio
import contextlib
import logging
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache

import orjson


def configure(level: str) -> None:
    """Sends every logger of the process to stdout as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class RequestLog:
    """One line a request. The lines of one turn of the event loop are written together."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, **fields: str | int | float) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        line = {"time": timestamp(time.time()), "level": "info", "logger": "request", **fields}
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        with contextlib.suppress(OSError):
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
