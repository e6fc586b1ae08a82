"""Writes, and where the setting says so reads, need a token of the sign-in."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from .processes import Api, Redis, eventually
from .tokens import AUDIENCE, ISSUER, Key, login, publish, unsigned

ONE, TWO, FOREIGN = Key("one"), Key("two"), Key("one")
NOW = int(time.time())
OWN = {"origin": "https://journal.test", "host": "journal.test", "x-forwarded-proto": "https"}
PARTNER = "https://partner.journal.test"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    publish(path, [ONE, TWO])
    return path


@pytest.fixture(scope="module")
def writes(shared_redis: Redis, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An API that asks for a token for writes alone."""
    settings = login(files, WEB__CROSS_ORIGIN__0=PARTNER)
    with Api(tmp_path_factory.mktemp("writes"), read=shared_redis, write=shared_redis, **settings).running() as api:
        yield api.client


@pytest.fixture(scope="module")
def all_of_it(shared_redis: Redis, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API that asks for a token for everything."""
    settings = login(files, LOGIN__READS="signedIn")
    with Api(tmp_path_factory.mktemp("all"), read=shared_redis, write=shared_redis, **settings).running() as api:
        yield api


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def cookie(token: str, **more: str) -> dict[str, str]:
    return {"cookie": f"theme=dark; __Host-journal={token}", **more}


def refused(answer: httpx.Response) -> str:
    """What the challenge of a 401 says."""
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return answer.headers["www-authenticate"]


def test_reads_are_open_and_writes_are_not(writes: httpx.Client) -> None:
    assert writes.get("/api").status_code == 200
    assert writes.get("/api/entries").status_code == 200
    entry = "/api/entries/" + "0" * 21
    for method, path in (("POST", "/api"), ("POST", "/api/entries"), ("PUT", entry), ("DELETE", entry)):
        content = None if method == "DELETE" else {"text": "x"}
        assert refused(writes.request(method, path, json=content)) == 'Bearer realm="journal"'


def test_a_good_token_writes(writes: httpx.Client) -> None:
    for key in (ONE, TWO):
        assert writes.post("/api", json=1, headers=bearer(key.token())).status_code == 200
    lower = {"authorization": f"bearer {ONE.token()}"}
    assert writes.post("/api/entries", json={"text": "x"}, headers=lower).status_code == 201


BAD = {
    "expired": ONE.token(iat=NOW - 700, exp=NOW - 100),
    "of a wrong key": FOREIGN.token(),
    "of an unknown key": Key("three").token(),
    "for another audience": ONE.token(aud="https://other.test/api"),
    "of another issuer": ONE.token(iss="https://other.test/auth"),
    "from the future": ONE.token(iat=NOW + 3600, exp=NOW + 7200),
    "without an end": ONE.token(exp=None),
    "without an audience": ONE.token(aud=None),
    "without a user": ONE.token(sub=None),
    "alg none": unsigned({"sub": "alice"}),
    "alg none with all claims": unsigned(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW, "exp": NOW + 600}
    ),
    "signed with the public key as a secret": jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW, "exp": NOW + 600},
        ONE.jwk["x"],
        algorithm="HS256",
        headers={"kid": "one"},
    ),
    "without a key's name": jwt.encode({"sub": "alice"}, ONE.private, algorithm="EdDSA"),
    "cut short": ONE.token()[:-8],
    "changed": ONE.token().replace(".", ".A", 1),
    "no token": "x",
    "not ASCII": "ö.ö.ö",
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_a_bad_token_is_refused(writes: httpx.Client, token: str) -> None:
    for headers in ({b"authorization": b"Bearer " + token.encode()}, {b"cookie": b"__Host-journal=" + token.encode()}):
        answer = writes.post("/api", json=1, headers=headers)
        assert 'error="invalid_token"' in refused(answer)
        assert token not in answer.text
    assert writes.get("/api", headers={b"authorization": b"Bearer " + token.encode()}).status_code == 200, (
        "reads are open"
    )


def test_two_authorizations_are_refused(writes: httpx.Client) -> None:
    headers = [("authorization", f"Bearer {ONE.token()}"), ("authorization", f"Bearer {TWO.token()}")]
    assert 'error="invalid_request"' in refused(writes.post("/api", json=1, headers=headers))


def test_the_own_page_writes_by_cookie(writes: httpx.Client) -> None:
    for more in (OWN, {**OWN, "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "same-origin"}):
        assert writes.post("/api", json=1, headers=cookie(ONE.token(), **more)).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"origin": PARTNER},
        {"origin": "https://stranger.example"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {**OWN, "sec-fetch-site": "same-site"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ],
)
def test_nobody_else_writes_by_cookie(writes: httpx.Client, more: dict[str, str]) -> None:
    answer = writes.post("/api", json=1, headers=cookie(ONE.token(), **more))
    assert answer.status_code == 403, answer.text


def test_a_listed_origin_writes_by_token_and_may_read_why_it_could_not(writes: httpx.Client) -> None:
    assert writes.post("/api", json=1, headers={**bearer(ONE.token()), "origin": PARTNER}).status_code == 200
    answer = writes.post("/api", json=1, headers={"origin": PARTNER})
    assert refused(answer)
    assert answer.headers["access-control-allow-origin"] == PARTNER
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    asked = writes.options("/api", headers={"origin": PARTNER, **asks})
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers


def test_where_reads_need_a_token_nobody_gets_them_from_memory(all_of_it: Api) -> None:
    client = all_of_it.client
    good = bearer(ONE.token())
    for path in ("/api", "/api/entries?limit=1"):
        assert client.get(path, headers=good).status_code == 200
        assert client.get(path, headers=cookie(ONE.token())).status_code == 200
        assert refused(client.get(path))
        assert client.head(path).status_code == 401
        assert refused(client.get(path, headers=bearer(FOREIGN.token())))
        assert client.get(path, headers=good).status_code == 200
    route = '{method="GET",route="/api",status="401"}'
    assert all_of_it.metric(f"journal_http_request_duration_seconds_count{route}") >= 2


@pytest.mark.parametrize(("path", "status"), [("/api/version", 200), ("/api/openapi.json", 200), ("/nowhere", 404)])
def test_what_everybody_may_ask(all_of_it: Api, path: str, status: int) -> None:
    assert all_of_it.client.get(path).status_code == status
    assert all_of_it.client.get(path, headers=bearer("x")).status_code == status


def test_the_version_says_what_needs_a_token(writes: httpx.Client, all_of_it: Api, shared_api: Api) -> None:
    assert writes.get("/api/version").json()["login"] == {"writes": True, "reads": False}
    assert all_of_it.client.get("/api/version").json()["login"] == {"writes": True, "reads": True}
    assert "login" not in shared_api.client.get("/api/version").json()


def test_it_is_described(all_of_it: Api, shared_api: Api) -> None:
    described = all_of_it.client.get("/api/openapi.json").json()
    OpenAPIV31SpecValidator(described).validate()
    for method in ("get", "post"):
        operation = described["paths"]["/api"][method]
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
        assert {"bearer": []} in operation["security"]
    assert "401" not in described["paths"]["/api/version"]["get"]["responses"]
    without = shared_api.client.get("/api/openapi.json")
    assert "401" not in without.text
    assert "securitySchemes" not in without.text


def test_writes_may_be_open_while_people_can_sign_in(shared_redis: Redis, files: Path, tmp_path: Path) -> None:
    settings = login(files, LOGIN__WRITES="false")
    with Api(tmp_path, read=shared_redis, write=shared_redis, **settings).running() as api:
        for headers in ({}, bearer("x"), bearer(ONE.token()), cookie(ONE.token())):
            assert api.client.post("/api", json=1, headers=headers).status_code == 200
        assert api.client.get("/api/version").json()["login"] == {"writes": False, "reads": False}


def test_keys_change_and_no_request_fails(shared_redis: Redis, tmp_path: Path) -> None:
    one, two, three = (Key(kid) for kid in ("1", "2", "3"))
    path = tmp_path / "keys.json"
    publish(path, [one, two])
    with Api(tmp_path / "api", read=shared_redis, write=shared_redis, **login(path)).running() as api:

        def status(key: Key) -> int:
            return api.client.post("/api", json=1, headers=bearer(key.token())).status_code

        assert [status(key) for key in (one, two, three)] == [200, 200, 401]
        publish(path, [one, two, three])
        assert [status(key) for key in (one, two, three)] == [200, 200, 200]
        publish(path, [two, three])
        assert [status(key) for key in (one, two, three)] == [401, 200, 200]
        path.write_text("{")
        assert [status(key) for key in (one, two, three)] == [401, 200, 200]
        path.unlink()
        assert [status(key) for key in (one, two, three)] == [401, 200, 200]
        assert any("stay in use" in line["message"] for line in api.log() if "message" in line)


def test_the_log_says_who_and_not_the_token(all_of_it: Api) -> None:
    token = ONE.token(sub="bob")
    answer = all_of_it.client.post("/api", json=1, headers=bearer(token))
    request_id = answer.headers["x-request-id"]
    (line,) = eventually(lambda: [one for one in all_of_it.log() if one.get("request_id") == request_id], "a line")
    assert line["user"] == "bob"
    assert token not in str(all_of_it.log())


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": [{"kty": "RSA", "kid": "x"}]}'])
def test_a_file_without_keys_is_a_mistake(shared_redis: Redis, tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    assert Api(tmp_path / "api", read=shared_redis, write=shared_redis, **login(path)).run() == 2
