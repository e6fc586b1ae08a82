"""What watches the account sees everything, and nobody can change what it saw."""

from collections.abc import Iterator

from policy.rules.model import Message, Rule, require
from tools.resource import Resource

TRAIL, DETECTOR = "aws:cloudtrail/trail:Trail", "aws:guardduty/detector:Detector"


def _trail(r: Resource) -> Iterator[Message]:
    yield from require(r, {"isMultiRegionTrail": True}, "calls in other regions go unseen")
    yield from require(r, {"enableLogFileValidation": True}, "a file that was changed looks like any other")
    for name in ("includeGlobalServiceEvents", "enableLogging"):  # what AWS does by default
        if name in r.inputs:
            yield from require(r, {name: True}, "calls go unseen")


def _detector(r: Resource) -> Iterator[Message]:
    if "enable" in r.inputs:
        yield from require(r, {"enable": True}, "a detector that is off finds nothing")


RULES = [
    Rule(
        name="trail-complete",
        description="CloudTrail records every region, in files that show a change.",
        types=[TRAIL],
        check=_trail,
    ),
    Rule(name="detector-on", description="GuardDuty looks.", types=[DETECTOR], check=_detector),
]
