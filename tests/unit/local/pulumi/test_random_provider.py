"""The stand-in for the random provider: the same inputs, outputs, ids and secretness as the official one."""

import asyncio
import inspect
import string
from typing import Any

import bcrypt
import pulumi_random
import pytest
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue

from local.pulumi import random_provider
from local.pulumi.random_provider import TYPE, RandomProvider, password
from tools.recording import Recorder, run

URN = f"urn:pulumi:test::journal::journal:journal:Redis${TYPE}::password"
SECRET = {"bcryptHash", "result"}
Values = dict[str, PropertyValue]


def values(**plain: Any) -> Values:
    return {key: PropertyValue(float(v) if type(v) is int else v) for key, v in plain.items()}


def created(**inputs: Any) -> Values:
    request = provider.CreateRequest(URN, values(**inputs), 0, preview=False)
    response = asyncio.run(RandomProvider().create(request))
    assert response.resource_id == "none"
    assert response.properties is not None
    return response.properties


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def test_inputs_and_outputs_are_those_of_the_official_sdk() -> None:
    inputs = {camel(name) for name in inspect.signature(pulumi_random.RandomPasswordArgs).parameters}
    outputs = {camel(name) for name, value in vars(pulumi_random.RandomPassword).items() if isinstance(value, property)}
    state = created(length=12, keepers={"a": PropertyValue("b")}, overrideSpecial="!")
    assert {"length", *random_provider.OPTIONAL, *random_provider.DEFAULTS} == inputs
    assert state.keys() == outputs | {"id", "__meta"}


def test_the_type_and_the_secret_outputs_are_those_that_the_official_sdk_registers() -> None:
    recorder = Recorder()
    run(lambda: pulumi_random.RandomPassword("password", length=8), recorder, project="journal", stack="test")
    registered = recorder.one("RandomPassword")
    assert registered.type == TYPE
    assert set(registered.additional_secret_outputs) == SECRET
    assert {key for key, value in created(length=8).items() if value.is_secret} == SECRET


def test_a_password_is_as_long_as_asked_and_its_hash_fits() -> None:
    state = created(length=100)
    result, hashed = state["result"].value, state["bcryptHash"].value
    assert isinstance(result, str)
    assert isinstance(hashed, str)
    assert len(result) == 100
    assert bcrypt.checkpw(result.encode()[:72], hashed.encode())


def test_classes_and_minima_hold() -> None:
    found = password(values(length=12, upper=False, special=False, minNumeric=5))
    assert set(found) <= set(string.ascii_lowercase + string.digits)
    assert sum(character in string.digits for character in found) >= 5
    assert set(password(values(length=40, lower=False, upper=False, numeric=False, overrideSpecial="#"))) == {"#"}


def test_two_passwords_differ() -> None:
    assert password(values(length=32)) != password(values(length=32))


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"length": 0}, "length is 0; it must be at least 1"),
        ({"length": 3, "minLower": 2, "minUpper": 2}, "length is 3; it must be at least 4"),
        ({"length": 8, "lower": False, "upper": False, "numeric": False, "special": False}, "no class of characters"),
    ],
)
def test_inputs_that_cannot_work_are_refused(inputs: dict[str, Any], reason: str) -> None:
    request = provider.CheckRequest(URN, {}, values(**inputs), b"")
    response = asyncio.run(RandomProvider().check(request))
    assert response.failures is not None
    assert [reason in failure.reason for failure in response.failures] == [True]


def test_another_type_is_refused_with_the_remedy() -> None:
    request = provider.CheckRequest(URN.replace("Password", "Pet"), {}, {}, b"")
    response = asyncio.run(RandomProvider().check(request))
    assert response.failures is not None
    assert "install the official plugin" in response.failures[0].reason


@pytest.mark.parametrize(
    ("inputs", "replaces"),
    [
        ({"length": 8}, []),
        ({"length": 8, "special": True}, []),
        ({"length": 9}, ["length"]),
        ({"length": 8, "special": False}, ["special"]),
        ({"length": 8, "keepers": {"v": PropertyValue("2")}}, ["keepers"]),
    ],
)
def test_a_changed_input_makes_a_new_password(inputs: dict[str, Any], replaces: list[str]) -> None:
    state = created(length=8)
    request = provider.DiffRequest(URN, "none", state, values(**inputs), [])
    response = asyncio.run(RandomProvider().diff(request))
    assert response.replaces == replaces
    assert response.changes is bool(replaces)


def test_a_refresh_keeps_the_password() -> None:
    state = created(length=8)
    request = provider.ReadRequest(URN, "none", state, values(length=8))
    response = asyncio.run(RandomProvider().read(request))
    assert response.properties == state


def test_an_import_takes_the_password_from_the_id() -> None:
    request = provider.ReadRequest(URN, "supersecret", {}, {})
    response = asyncio.run(RandomProvider().read(request))
    assert response.resource_id == "none"
    assert response.properties is not None
    assert response.properties["result"] == PropertyValue("supersecret", is_secret=True)
    assert response.properties["length"].value == 11


def test_the_engine_makes_no_password_in_a_preview() -> None:
    response = asyncio.run(RandomProvider().configure(provider.ConfigureRequest({}, {}, True, True)))
    assert not response.supports_preview
