"""Guessing slowed: a bucket of attempts for each key, refilled at a steady rate, for so many keys at most."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many attempts at once, and one more each `seconds`."""

    attempts: int
    seconds: float


class Throttle:
    """Attempts by key. Of more than `most` keys the one that was asked of longest ago is forgotten."""

    def __init__(self, rate: Rate, *, most: int = 10_000, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._most, self._now = rate, most, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the key has an attempt; 0 where it has one."""
        return max(0.0, 1 - self._level(key)) * self._rate.seconds

    def take(self, key: str) -> None:
        """Spends an attempt; one that turns out well is given back."""
        self._put(key, self._level(key) - 1)

    def give_back(self, key: str) -> None:
        self._put(key, self._level(key) + 1)

    def _level(self, key: str) -> float:
        level, when = self._buckets.get(key, (float(self._rate.attempts), 0.0))
        return min(float(self._rate.attempts), level + (self._now() - when) / self._rate.seconds)

    def _put(self, key: str, level: float) -> None:
        self._buckets[key] = (min(level, float(self._rate.attempts)), self._now())
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that an IPv6 host chooses its addresses from."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped) if found.ipv4_mapped is not None else str(IPv6Address(int(found) >> 64 << 64))
