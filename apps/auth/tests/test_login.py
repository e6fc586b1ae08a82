"""Signing in, who is signed in, and out."""

import time
from http.cookies import SimpleCookie
from typing import Any

import httpx
import jwt
import pytest

from .processes import AUDIENCE, ISSUER, NAME, PASSWORD, SESSION, Auth, eventually

COOKIE = "__Host-journal"


def decoded(auth: Auth, token: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict(auth.client.get("/auth/keys").json())
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.decode(token, keys[kid].key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)


def as_cookie(answer: httpx.Response) -> dict[str, str]:
    found = SimpleCookie(answer.headers["set-cookie"])
    return {"cookie": f"{COOKIE}={found[COOKIE].value}"}


def test_a_token_says_who_and_how_long(shared: Auth) -> None:
    answer = shared.login()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    said = decoded(shared, body["token"])
    assert (said["sub"], said["exp"] - said["iat"], body["user"]) == (NAME, SESSION, NAME)
    assert abs(said["iat"] - time.time()) < 30
    assert jwt.get_unverified_header(body["token"]) == {"alg": "EdDSA", "kid": "one", "typ": "JWT"}
    assert answer.headers["cache-control"] == "no-store"


def test_the_cookie_is_of_this_host_and_out_of_reach_of_scripts(shared: Auth) -> None:
    answer = shared.login()
    cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert cookie.value == answer.json()["token"]
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("/", "", str(SESSION))
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"].lower()) == (True, True, "strict")


def test_a_session_by_cookie_and_by_token(shared: Auth) -> None:
    answer = shared.login()
    for headers in (as_cookie(answer), {"authorization": f"Bearer {answer.json()['token']}"}):
        session = shared.client.get("/auth/session", headers=headers)
        assert (session.status_code, session.json()["user"]) == (200, NAME)
        assert session.json()["expires"] == answer.json()["expires"]


@pytest.mark.parametrize("headers", [{}, {"cookie": f"{COOKIE}=x.y.z"}, {"authorization": "Bearer x"}])
def test_nobody_is_signed_in(shared: Auth, headers: dict[str, str]) -> None:
    answer = shared.client.get("/auth/session", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_signing_out_takes_the_cookie_away(shared: Auth) -> None:
    answer = shared.client.post("/auth/logout")
    assert answer.status_code == 204
    cookie = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert (cookie.value, cookie["max-age"], cookie["path"], cookie["secure"]) == ("", "0", "/", True)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://stranger.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_foreign_pages_sign_nobody_in_or_out(shared: Auth, headers: dict[str, str]) -> None:
    for answer in (shared.login(**headers), shared.client.post("/auth/logout", headers=headers)):
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_the_own_page_may(shared: Auth) -> None:
    own = {"origin": "https://journal.test", "host": "journal.test", "x-forwarded-proto": "https"}
    assert shared.login(**own, **{"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"name": "alice"}', "application/json", 422),
        (b'{"name": "alice", "password": ""}', "application/json", 422),
        (b'{"name": "alice", "password": "x", "admin": true}', "application/json", 422),
        (b'{"name": "alice", "password": "' + b"x" * 9_000 + b'"}', "application/json", 413),
        (b'{"name": "alice", "password": "x"}', "text/plain", 415),
        (b"name=alice&password=x", "application/x-www-form-urlencoded", 415),
    ],
)
def test_what_is_no_sign_in(shared: Auth, content: bytes, kind: str, status: int) -> None:
    answer = shared.client.post("/auth/login", content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_other_paths_and_methods(shared: Auth) -> None:
    assert shared.client.get("/auth").status_code == 404
    assert shared.client.get("/auth/login").status_code == 405
    assert shared.client.get("/metrics").status_code == 404
    assert shared.client.get(f"{shared.management}/livez").status_code == 200
    assert "journal_auth_logins_total" in shared.client.get(f"{shared.management}/metrics").text


def test_nothing_secret_is_logged(auth: Auth) -> None:
    token = auth.login().json()["token"]
    auth.login(password="a wrong password")
    eventually(lambda: auth.log().count('"path":"/auth/login"') == 2, "both lines")
    for secret in (PASSWORD, "a wrong password", token, auth.keys[0].private_jwk["d"], "argon2"):
        assert secret not in auth.log()
