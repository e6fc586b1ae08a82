"""The description has every route, and says what may come back."""

from typing import Any

import pytest

from .processes import NAME, PASSWORD, Auth


@pytest.fixture
def described(shared: Auth) -> dict[str, Any]:
    return shared.client.get("/auth/openapi.json").json()


def test_it_has_every_route_and_no_other(described: dict[str, Any], shared: Auth) -> None:
    known = {
        "/auth/login": {"post"},
        "/auth/logout": {"post"},
        "/auth/session": {"get"},
        "/auth/keys": {"get"},
        "/auth/openapi.json": {"get"},
    }
    assert {path: set(item) for path, item in described["paths"].items()} == known
    assert described["openapi"].startswith("3.1")
    assert shared.client.get("/schema").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (f'{{"name": "{NAME}", "password": "{PASSWORD}"}}', 200),
        ('{"name": "nobody", "password": "x"}', 401),
        ("{", 400),
        ('{"name": "nobody"}', 422),
        ('{"name": "nobody", "password": "x", "otp": "1"}', 422),
        ("x" * 9_000, 413),
    ],
)
def test_answers_to_a_sign_in_are_described(described: dict[str, Any], shared: Auth, body: str, status: int) -> None:
    answer = shared.client.post("/auth/login", content=body, headers={"content-type": "application/json"})
    shared.client.cookies.clear()
    assert answer.status_code == status
    assert described["components"]["schemas"]["Login"]["additionalProperties"] is False
    responses = described["paths"]["/auth/login"]["post"]["responses"]
    assert answer.headers["content-type"].partition(";")[0] in responses[str(status)]["content"]
    assert "Retry-After" in responses["429"]["headers"]
