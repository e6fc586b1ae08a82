"""The description is valid, complete, and what the API does."""

from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

NO_ENTRY = "/api/entries/" + "0" * 21


@pytest.fixture
def described(client: httpx.Client) -> dict[str, Any]:
    return client.get("/api/openapi.json").json()


def test_it_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()
    assert (described["openapi"], described["info"]["version"]) == ("3.1.0", "1.2.3")


def test_it_has_every_route_and_no_other(described: dict[str, Any], client: httpx.Client) -> None:
    known = {
        "/api": {"get", "post"},
        "/api/entries": {"get", "post"},
        "/api/entries/{id}": {"get", "put", "delete"},
        "/api/version": {"get"},
        "/api/openapi.json": {"get"},
    }
    assert {path: set(item) for path, item in described["paths"].items()} == known
    assert client.get("/schema").status_code == 404


def test_problems_and_limits_are_described(described: dict[str, Any]) -> None:
    add = described["paths"]["/api/entries"]["post"]
    assert {"400", "403", "413", "415", "422", "503", "507"} <= set(add["responses"])
    assert "Location" in add["responses"]["201"]["headers"]
    assert "Retry-After" in add["responses"]["503"]["headers"]
    (key,) = add["parameters"]
    assert (key["schema"]["type"], key["schema"]["minLength"], key["schema"]["maxLength"]) == ("string", 1, 255)
    limit, _ = described["paths"]["/api/entries"]["get"]["parameters"]
    assert (limit["schema"]["type"], limit["schema"]["minimum"], limit["schema"]["maximum"]) == ("integer", 1, 100)


@pytest.mark.parametrize("refused", [{"text": " "}, {"text": "x", "author": "y"}, {"text": ""}, {"text": None}, {}])
def test_what_is_no_entry_is_none_by_the_description(described: dict[str, Any], refused: dict[str, Any]) -> None:
    schema = described["components"]["schemas"]["NewEntry"]
    assert OAS31Validator(schema).is_valid({"text": "x"})
    assert not OAS31Validator(schema).is_valid(refused)


@pytest.mark.parametrize(
    ("method", "path", "operation", "content", "status"),
    [
        ("GET", "/api", "/api", None, 200),
        ("POST", "/api", "/api", b'{"any": "thing"}', 200),
        ("POST", "/api", "/api", b"{", 400),
        ("POST", "/api", "/api", b"x" * 70_000, 413),
        ("GET", "/api/entries", "/api/entries", None, 200),
        ("GET", "/api/entries?limit=1", "/api/entries", None, 200),
        ("GET", "/api/entries?limit=0", "/api/entries", None, 400),
        ("POST", "/api/entries", "/api/entries", b'{"text": "x"}', 201),
        ("POST", "/api/entries", "/api/entries", b'{"text": 1}', 422),
        ("GET", "{entry}", "/api/entries/{id}", None, 200),
        ("PUT", "{entry}", "/api/entries/{id}", b'{"text": "y"}', 200),
        ("DELETE", "{entry}", "/api/entries/{id}", None, 204),
        ("GET", NO_ENTRY, "/api/entries/{id}", None, 404),
        ("PUT", NO_ENTRY, "/api/entries/{id}", b'{"text": "y"}', 404),
        ("GET", "/api/version", "/api/version", None, 200),
        ("GET", "/api/openapi.json", "/api/openapi.json", None, 200),
    ],
)
def test_answers_are_as_described(
    client: httpx.Client, described: dict[str, Any], method: str, path: str, operation: str, content: Any, status: int
) -> None:
    client.post("/api", json=["older"])
    entry = client.post("/api/entries", json={"text": "x"}).headers["location"]
    answer = client.request(method, path.replace("{entry}", entry), content=content)
    assert answer.status_code == status
    response = described["paths"][operation][method.lower()]["responses"][str(status)]
    assert {name.lower() for name in response["headers"]} - set(answer.headers) <= {"age"}
    if "content" not in response:
        assert answer.content == b""
        return
    schema = response["content"][answer.headers["content-type"]]["schema"]
    validator = OAS31Validator({**schema, "components": described["components"]})
    validator = validator.evolve(format_checker=OAS31Validator.FORMAT_CHECKER)
    validator.validate(answer.json())


def test_the_schema_of_an_entry_is_strict_enough_to_fail(described: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Entry", "components": described["components"]}
    assert not OAS31Validator(schema).is_valid({"id": "a", "text": "b", "created": "c"})
