"""Keys change while the process runs, and tokens of before stay valid."""

import jwt

from .processes import Auth, Key, eventually, replace


def session(auth: Auth, token: str) -> int:
    return auth.client.get("/auth/session", headers={"authorization": f"Bearer {token}"}).status_code


def kid(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


def test_a_rotation_takes_no_token_away(auth: Auth) -> None:
    before = auth.login().json()["token"]
    one, two = auth.keys
    three = Key("three")
    auth.publish([one, two, three])
    auth.sign_with(two)
    after = eventually(lambda: (new := auth.login().json()["token"]) and kid(new) == "two" and new, "the next key")
    assert (session(auth, before), session(auth, after)) == (200, 200)
    assert [key["kid"] for key in auth.client.get("/auth/keys").json()["keys"]] == ["one", "two", "three"]
    auth.publish([two, three])
    assert (session(auth, before), session(auth, after)) == (401, 200)


def test_no_private_key_is_shown(shared: Auth) -> None:
    for key in shared.client.get("/auth/keys").json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_a_broken_file_is_not_taken(auth: Auth) -> None:
    for content in ("", "{", "[]", "{}", '{"keys": []}', '{"kty": "OKP", "crv": "Ed25519", "kid": "x"}'):
        replace(auth.keys_file, content)
        replace(auth.signing_file, content)
        token = auth.login().json()["token"]
        assert (kid(token), session(auth, token)) == ("one", 200)
    eventually(lambda: "stays in use" in auth.log(), "a word in the log")
