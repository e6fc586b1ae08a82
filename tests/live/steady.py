"""Requests at a steady rate, by a process of its own: in one process, a program that deploys and its load slow each
other down."""

import itertools
import multiprocessing
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Self

import httpx

from local import acme

CLIENTS = 20
TIMEOUT_SECONDS, STOPPED_SECONDS = 10, 60
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Request:
    """What a client asks for. text: of the entry that a POST adds. close: on a connection of its own."""

    method: str
    path: str
    text: str = ""
    close: bool = False


@dataclass(frozen=True)
class Answer:
    """What became of a request. Times are those of time.monotonic().

    said: the status, or the name of the error. version: of the API that answered. detail: of the problem, if it is one.
    retry: whether it says when to come again.
    """

    request: Request
    began: float
    ended: float
    said: str
    version: str = ""
    detail: str = ""
    retry: bool = False


Plan = Callable[[int, int], Request]
"""A client's next request: the client's number, and how many it has made with this one. A function of a module."""


class Steady(ABC):
    """A block in which CLIENTS clients ask at a steady rate. Each answer is heard by a thread of this process.

    rate: requests a second. client: for questions of the test's own, while the block lasts.
    """

    began: float
    """When the first request was sent, by time.monotonic()."""
    seconds: float = 0
    """How long it was from then to the last answer."""

    def __init__(self, local_stack: dict[str, str], plan: Plan, rate: float) -> None:
        self._address = local_stack["url"], local_stack["address"], Path(local_stack["ca"])
        self.client = self.connect()
        self._stop = SPAWN.Event()
        self._answers, told = SPAWN.Pipe(duplex=False)
        self._told = told
        self._process = SPAWN.Process(target=_ask, args=(self._address, plan, rate, told, self._stop), daemon=True)
        self._reader, self._asks = threading.Thread(target=self._read), threading.Event()

    def connect(self) -> httpx.Client:
        """A client of the journal that tries nothing again."""
        return acme.client(*self._address, retries=0)

    @abstractmethod
    def hear(self, answer: Answer) -> None:
        """Takes note of an answer."""

    def __enter__(self) -> Self:
        self._process.start()
        self._told.close()  # the process alone has it now: its end is the end of what can be read
        self._reader.start()
        assert self._asks.wait(STOPPED_SECONDS), "the load's process does not ask"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join(STOPPED_SECONDS)
        self._reader.join(STOPPED_SECONDS)
        self.client.close()
        assert self._process.exitcode == 0, f"the load's process ended with {self._process.exitcode}"

    def _read(self) -> None:
        while True:
            try:
                answer: Answer = self._answers.recv()
            except EOFError:
                return
            if not self._asks.is_set():
                self.began = answer.began
                self._asks.set()
            self.seconds = max(self.seconds, answer.ended - self.began)
            self.hear(answer)


def _ask(address: tuple[str, str, Path], plan: Plan, rate: float, told: Connection, stop: Event) -> None:
    """The load's process."""
    began, lock = time.monotonic(), threading.Lock()

    def run(number: int) -> None:
        due = began + number / rate
        with acme.client(*address, retries=0) as client:
            for count in itertools.count(1):
                if stop.wait(max(0.0, due - time.monotonic())):
                    return
                due += CLIENTS / rate
                answer = _answer(client, plan(number, count))
                with lock:
                    told.send(answer)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _answer(client: httpx.Client, request: Request) -> Answer:
    headers = {"Connection": "close"} if request.close else {}
    json = {"text": request.text} if request.method == "POST" else None
    began = time.monotonic()
    try:
        answer = client.request(request.method, request.path, json=json, headers=headers, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        return Answer(request, began, time.monotonic(), type(error).__name__, detail=str(error))
    ended, is_problem = time.monotonic(), answer.headers.get("content-type") == "application/problem+json"
    return Answer(
        request,
        began,
        ended,
        str(answer.status_code),
        answer.headers.get("Journal-Version", ""),
        answer.json().get("detail", "") if is_problem else "",
        is_problem and "retry-after" in answer.headers,
    )
