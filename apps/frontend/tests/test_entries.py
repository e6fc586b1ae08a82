"""`/api/entries`: one by one, and page by page."""

import asyncio
import json
from datetime import datetime

import httpx
import pytest

from .processes import Api

POSTS = 500


def add(client: httpx.Client, text: str, **headers: str) -> dict:
    answer = client.post("/api/entries", json={"text": text}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def pages(client: httpx.Client, limit: int) -> list[dict]:
    entries, cursor = [], {}
    while cursor is not None:
        page = client.get("/api/entries", params={"limit": limit, **cursor}).json()
        assert len(page["entries"]) <= limit
        entries += page["entries"]
        cursor = None if page["next"] is None else {"cursor": page["next"]}
    return entries


def test_a_new_entry_is_where_its_location_says(client: httpx.Client) -> None:
    answer = client.post("/api/entries", json={"text": "Rain all day."})
    assert answer.status_code == 201
    entry = answer.json()
    assert answer.headers["location"] == f"/api/entries/{entry['id']}"
    assert entry["text"] == "Rain all day."
    assert entry["created"] == entry["updated"]
    assert entry["created"].endswith("Z")
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(entry["created"])).total_seconds()) < 60
    assert client.get(answer.headers["location"]).json() == entry


def test_put_replaces_the_text_and_keeps_its_place(client: httpx.Client) -> None:
    old, newer = add(client, "old"), add(client, "newer")
    answer = client.put(f"/api/entries/{old['id']}", json={"text": "new"})
    assert answer.status_code == 200
    assert answer.json() == {**old, "text": "new", "updated": answer.json()["updated"]}
    assert answer.json()["updated"] > old["updated"]
    assert client.get(f"/api/entries/{old['id']}").json() == answer.json()
    assert [entry["text"] for entry in pages(client, 10)] == [newer["text"], "new"]


def test_what_is_deleted_is_gone(client: httpx.Client) -> None:
    path = f"/api/entries/{add(client, 'x')['id']}"
    answer = client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert [client.get(path).status_code, client.delete(path).status_code] == [404, 404]
    assert client.put(path, json={"text": "y"}).status_code == 404
    assert pages(client, 10) == []


def test_pages_hold_every_entry_once_newest_first(client: httpx.Client) -> None:
    added = [add(client, str(n)) for n in range(7)]
    for limit in (1, 2, 3, 7, 100):
        assert pages(client, limit) == added[::-1]


def test_a_cursor_stays_valid_while_the_journal_changes(client: httpx.Client) -> None:
    added = [add(client, str(n)) for n in range(6)]
    first = client.get("/api/entries", params={"limit": 2}).json()
    add(client, "newer")
    client.delete(f"/api/entries/{added[4]['id']}")
    client.delete(f"/api/entries/{added[3]['id']}")
    second = client.get("/api/entries", params={"limit": 2, "cursor": first["next"]}).json()
    assert [entry["text"] for entry in first["entries"] + second["entries"]] == ["5", "4", "2", "1"]


def test_the_last_page_has_no_next(client: httpx.Client) -> None:
    assert client.get("/api/entries").json() == {"entries": [], "next": None}
    add(client, "x")
    assert client.get("/api/entries", params={"limit": 1}).json()["next"] is None


def test_the_same_key_and_body_get_the_same_answer(client: httpx.Client) -> None:
    key = {"idempotency-key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
    first = client.post("/api/entries", json={"text": "once"}, headers=key)
    client.delete(first.headers["location"])
    again = client.post("/api/entries", content=b'{ "text" : "once" }', headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert pages(client, 10) == []


def test_the_same_key_with_another_request_is_refused(client: httpx.Client) -> None:
    add(client, "one", **{"idempotency-key": "k"})
    other = client.post("/api/entries", json={"text": "two"}, headers={"idempotency-key": "k"})
    elsewhere = client.post("/api", json={"text": "one"}, headers={"idempotency-key": "k"})
    assert [other.status_code, elsewhere.status_code] == [422, 422]
    assert "Idempotency-Key" in other.json()["detail"]
    assert [entry["text"] for entry in pages(client, 10)] == ["one"]


async def post(url: httpx.URL, number: int, key: str) -> tuple[int, bytes]:
    """Status and body of one POST on a connection of its own."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    body = b'{"text":"%d"}' % number
    head = "POST /api/entries HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + key
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), answer


async def post_all(api: Api, numbers: list[int], key: str = "") -> list[tuple[int, bytes]]:
    return await asyncio.gather(*(post(httpx.URL(api.url), number, key) for number in numbers))


def test_concurrent_posts_are_all_kept(api: Api, client: httpx.Client) -> None:
    answers = asyncio.run(post_all(api, list(range(POSTS))))
    assert {status for status, _ in answers} == {201}
    kept = pages(client, 100)
    assert sorted(int(entry["text"]) for entry in kept) == list(range(POSTS))
    assert {entry["id"]: entry for entry in kept} == {
        entry["id"]: entry for entry in (json.loads(a) for _, a in answers)
    }
    assert [entry["created"] for entry in kept] == sorted({entry["created"] for entry in kept}, reverse=True)
    assert pages(client, 7) == kept


def test_concurrent_posts_with_one_key_add_one_entry(api: Api, client: httpx.Client) -> None:
    answers = asyncio.run(post_all(api, [1] * 50, key="idempotency-key: k\r\n"))
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert len(pages(client, 10)) == 1


@pytest.mark.parametrize("text", ["\0", "\U0001f600", "e\u0301", "  padded  ", "line\nline", "</script>", "x" * 10_000])
def test_a_text_comes_back_as_it_was(client: httpx.Client, text: str) -> None:
    entry = add(client, text)
    assert client.get(f"/api/entries/{entry['id']}").json()["text"] == entry["text"] == text


def test_a_clock_that_jumps_back_keeps_the_order(api: Api, client: httpx.Client, shared_redis) -> None:
    future = f"{int(datetime(2090, 1, 1).timestamp() * 1_000_000):013x}" + "00000000"
    shared_redis.command("ZADD", "journal:index", 0, future)
    shared_redis.command("HSET", "journal:entries", future, '3786912000000000 {"text":"from the future"}')
    assert [add(client, "a")["created"][:4], add(client, "b")["created"][:4]] == ["2090", "2090"]
    assert [entry["text"] for entry in pages(client, 10)] == ["b", "a", "from the future"]
