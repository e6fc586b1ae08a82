"""Web pages: of the listed origins and of the API's own, no others."""

import httpx
import pytest

FRIEND, STRANGER = "https://friend.example", "https://stranger.example"
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


def test_a_listed_origin_may_ask(client: httpx.Client) -> None:
    answer = client.options("/api/entries", headers={"origin": FRIEND, **ASKS})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "idempotency-key" in answer.headers["access-control-allow-headers"]


def test_a_listed_origin_may_read_and_write(client: httpx.Client) -> None:
    for answer in (
        client.post("/api/entries", json={"text": "x"}, headers={"origin": FRIEND}),
        client.get("/api", headers={"origin": FRIEND}),
        client.get("/nowhere", headers={"origin": FRIEND}),
    ):
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert answer.headers["vary"].lower() == "origin"
        assert "location" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", FRIEND + ".evil.example", FRIEND.upper(), "http://friend.example"]
)
def test_any_other_origin_may_neither_read_nor_write(client: httpx.Client, origin: str) -> None:
    asked = client.options("/api", headers={"origin": origin, **ASKS})
    wrote = client.post("/api", content=b"1", headers={"origin": origin, "content-type": "text/plain"})
    assert [asked.status_code, wrote.status_code] == [400, 403]
    assert client.get("/api").json() == []
    for answer in (asked, wrote, client.get("/api", headers={"origin": origin})):
        assert "access-control-allow-origin" not in answer.headers


def test_pages_of_the_own_origin_may_write(client: httpx.Client) -> None:
    headers = {"origin": "https://journal.test:8443", "host": "journal.test:8443", "x-forwarded-proto": "https"}
    assert client.post("/api/entries", json={"text": "x"}, headers=headers).status_code == 201


def test_pages_of_the_same_host_without_tls_may_not_write(client: httpx.Client) -> None:
    headers = {"origin": "http://journal.test", "host": "journal.test", "x-forwarded-proto": "https"}
    assert client.post("/api/entries", json={"text": "x"}, headers=headers).status_code == 403
    assert client.get("/api").json() == []


def test_pages_of_two_origins_get_their_own_answers_from_memory(client: httpx.Client) -> None:
    for _ in range(2):
        for origin, allowed in ((FRIEND, FRIEND), (STRANGER, None), (None, None)):
            headers = {} if origin is None else {"origin": origin}
            assert client.get("/api", headers=headers).headers.get("access-control-allow-origin") == allowed
