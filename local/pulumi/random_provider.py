"""A stand-in for Pulumi's random provider, whose module no package registry serves.

It knows `RandomPassword` alone, the one resource that the stack uses, and runs only where the official plugin is not
installed. Inputs, outputs, ids and secretness are the official provider's, as its own tests of `Create` and `Read`
record them, so that the official plugin can take over a stack that this one made.
"""

import secrets
import string
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import bcrypt
from pulumi.provider.experimental import provider, server
from pulumi.provider.experimental.property_value import Computed, PropertyValue

Properties = Mapping[str, PropertyValue]
TYPE = "random:index/randomPassword:RandomPassword"
ID = "none"
"""The id of every password: the official provider keeps the password out of it."""
SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
DEFAULTS: Mapping[str, bool | float] = {
    "lower": True,
    "minLower": 0.0,
    "minNumeric": 0.0,
    "minSpecial": 0.0,
    "minUpper": 0.0,
    "number": True,
    "numeric": True,
    "special": True,
    "upper": True,
}
OPTIONAL = ("keepers", "overrideSpecial")
"""Inputs that have no default."""
SCHEMA_VERSION = '{"schema_version":"3"}'
"""What the official provider writes beside a password, to know later whether its state must be upgraded."""
BCRYPT_BYTES = 72
"""bcrypt reads no more of a password."""


def settings(inputs: Properties) -> dict[str, PropertyValue]:
    """Every setting of a password: the inputs, and the defaults of those that are not given."""
    known = {key: PropertyValue(value) for key, value in DEFAULTS.items()}
    given = {key: value for key, value in inputs.items() if key in ("length", *OPTIONAL, *DEFAULTS)}
    return {**known, **given}


def password(inputs: Properties) -> str:
    """`length` random characters of the chosen classes, at least `min…` of each.

    Raises ValueError when the length is below 1 or below the sum of the minima, or when no class is chosen.
    """
    chosen: dict[str, Any] = {key: value.value for key, value in settings(inputs).items()}
    length, special = int(chosen["length"]), chosen.get("overrideSpecial", "")
    classes = [
        (string.ascii_lowercase, chosen["lower"], int(chosen["minLower"])),
        (string.ascii_uppercase, chosen["upper"], int(chosen["minUpper"])),
        (string.digits, chosen["numeric"] and chosen["number"], int(chosen["minNumeric"])),
        (SPECIAL if special == "" else special, chosen["special"], int(chosen["minSpecial"])),
    ]
    pool, least = "".join(characters for characters, wanted, _ in classes if wanted), sum(n for _, _, n in classes)
    if length < max(1, least):
        raise ValueError(f"length is {length}; it must be at least {max(1, least)}, the sum of the minima")
    if not pool:
        raise ValueError("no class of characters is chosen; leave one of lower, upper, numeric and special true")
    found = [secrets.choice(characters) for characters, _, minimum in classes for _ in range(minimum)]
    found += [secrets.choice(pool) for _ in range(length - len(found))]
    secrets.SystemRandom().shuffle(found)
    return "".join(found)


def outputs(inputs: Properties, result: str) -> dict[str, PropertyValue]:
    """The state of a password that was made from these inputs."""
    hashed = bcrypt.hashpw(result.encode()[:BCRYPT_BYTES], bcrypt.gensalt(10, prefix=b"2a")).decode()
    return {
        "__meta": PropertyValue(SCHEMA_VERSION),
        "id": PropertyValue(ID),
        **settings(inputs),
        "result": PropertyValue(result, is_secret=True),
        "bcryptHash": PropertyValue(hashed, is_secret=True),
    }


class RandomProvider(provider.Provider):
    """Makes passwords and keeps them: a change of any input makes a new one."""

    async def diff_config(self, request: provider.DiffRequest) -> provider.DiffResponse:
        return provider.DiffResponse(changes=False)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        """Without `supports_preview` the engine itself says in a preview that every output is not known yet."""
        return provider.ConfigureResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        type_ = request.type.rpartition("$")[2]  # behind the types of its parents
        if type_ != TYPE:
            reason = f"the stand-in for the random provider knows no {type_}; install the official plugin"
            return provider.CheckResponse(failures=[provider.CheckFailure("", reason)])
        if any(isinstance(value.value, Computed) for value in request.new_inputs.values()):
            return provider.CheckResponse(inputs=request.new_inputs)
        try:
            password(request.new_inputs)
        except ValueError as error:
            return provider.CheckResponse(failures=[provider.CheckFailure("length", str(error))])
        return provider.CheckResponse(inputs=request.new_inputs)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        before, after = settings(request.old_state), settings(request.new_inputs)
        changed = sorted(key for key in before.keys() | after.keys() if not _equal(before.get(key), after.get(key)))
        return provider.DiffResponse(changes=bool(changed), replaces=changed, diffs=changed)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        return provider.CreateResponse(ID, outputs(request.properties, password(request.properties)))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """A password lives in the state alone. An import gives it as the id."""
        if request.properties:
            return provider.ReadResponse(request.resource_id, dict(request.properties), dict(request.inputs))
        inputs = {"length": PropertyValue(float(len(request.resource_id))), **dict(request.inputs)}
        return provider.ReadResponse(ID, outputs(inputs, request.resource_id), settings(inputs))

    async def delete(self, request: provider.DeleteRequest) -> None:
        """The state forgets it."""


def _equal(before: PropertyValue | None, after: PropertyValue | None) -> bool:
    """Whether two values are the same. What is not known yet may turn out to be another one."""
    old, new = (None if value is None else value.value for value in (before, after))
    return not isinstance(old, Computed) and not isinstance(new, Computed) and old == new


def main() -> None:
    server.main(sys.argv[1:], version("pulumi_random"), RandomProvider())
