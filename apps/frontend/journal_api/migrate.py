"""`python -m journal_api.migrate`: takes a journal of the sample application into entries of their own.

That application keeps all entries as one JSON array, oldest first, under the key `journal-key`. They are taken over in
one step of the server's, before every entry that is there; the array stays under `journal-key:imported`. Where there is
no such key, nothing is done, so it may run any number of times, and at the same time.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import anyio

from .logs import configure
from .redis_client import Full, RedisClient, Unavailable
from .serve import COPIES, write_host
from .settings import Settings, SettingsError, load_settings
from .store import ENTRIES, INDEX, Script

OLD, KEPT = "journal-key", "journal-key:imported"
PATIENCE_SECONDS = 300
RETRY_SECONDS = 1.0
_IMPORT = Script("import.lua")
log = logging.getLogger("journal_api.migrate")


class NotAJournal(Exception):
    """What is under the key is no JSON array."""


def items(text: str) -> Iterator[str]:
    """Each item of a JSON array as it is written there. Raises NotAJournal."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    decoder = json.JSONDecoder(parse_constant=refuse)
    try:
        if not isinstance(decoder.decode(text), list):
            raise NotAJournal("it is JSON, and no array")
    except ValueError as error:
        raise NotAJournal(str(error)) from None
    at = text.index("[") + 1
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = end


async def migrate(client: RedisClient, copies: int) -> int:
    """How many entries were taken over. Raises NotAJournal, Unavailable, Full."""
    while (old := await client.execute(b"GET", OLD)) is not None:
        try:
            found = [item.encode() for item in items(old.decode())]
        except UnicodeDecodeError as error:
            raise NotAJournal(str(error)) from None
        count = await _IMPORT.run(client, (OLD, KEPT, INDEX, ENTRIES), old, *found, copies=copies)
        if count >= 0:
            return count
    return 0


async def run(settings: Settings) -> int:
    """0 when all is taken over, 1 when Redis could not do it in time, 3 when there is nothing that can be."""
    client = RedisClient(write_host(settings), lambda _: None, lambda _: None)
    end = time.monotonic() + PATIENCE_SECONDS
    async with anyio.create_task_group() as group:
        group.start_soon(client.run)
        while True:
            try:
                count = await migrate(client, COPIES[settings.redis_durability])
            except NotAJournal as error:
                log.error("%s holds no journal: %s; nothing was changed. Mend or delete that key.", OLD, error)
                status = 3
            except Full as error:
                log.error("redis is full: %s Nothing was changed.", error)
                status = 1
            except Unavailable as error:
                if time.monotonic() < end:
                    await anyio.sleep(RETRY_SECONDS)
                    continue
                log.error("redis did not answer for %d s: %s", PATIENCE_SECONDS, error)
                status = 1
            else:
                log.info("%d entries taken over from %s", count, OLD)
                status = 0
            group.cancel_scope.cancel()
            break
    return status


def main() -> int:
    """2 when the settings are wrong, else what `run` answers."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"journal-api: wrong in the environment: {error}", file=sys.stderr)
        return 2
    configure(settings.log_level)
    return anyio.run(run, settings)


if __name__ == "__main__":
    sys.exit(main())
