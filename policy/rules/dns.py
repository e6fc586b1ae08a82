"""DNS: names that lead where they should."""

from collections.abc import Iterator

from policy.rules.model import Message, Rule, at, elements, given
from tools.resource import Resource

RECORD = "aws:route53/record:Record"


def _record(r: Resource) -> Iterator[Message]:
    name = r.inputs.get("name")
    if str(name).startswith("*"):
        yield f"{name} leads names that nobody declared here: name each host"
    for alias in elements(r.inputs.get("aliases")):
        if not given(at(alias, "zoneId")):
            yield f"the alias of {name} names no zone: set aliases.zoneId to the load balancer's"
    if r.inputs.get("type") == "CNAME" and not given(r.inputs.get("ttl")):
        yield f"{name} has no ttl: set it"


def _overwrites(r: Resource) -> Iterator[Message]:
    if r.inputs.get("allowOverwrite") is True:
        yield "takes over a record that is there already: leave allowOverwrite out, and import the record"


RULES = [
    Rule(name="dns-names-declared", description="DNS names are declared one by one.", types=[RECORD], check=_record),
    Rule(
        name="dns-no-overwrite",
        description="A stack takes no DNS name from another.",
        types=[RECORD],
        check=_overwrites,
    ),
]
