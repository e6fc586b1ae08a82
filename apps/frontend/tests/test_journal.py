"""`/api` as the book's clients use it."""

import json

import httpx
import pytest


def test_an_empty_journal_is_an_empty_array(client: httpx.Client) -> None:
    answer = client.get("/api")
    assert (answer.status_code, answer.content) == (200, b"[]")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "item", ["text", {"text": "x"}, {"a": [1, {"b": None}]}, [], {}, 0, False, None, "", "\0", "\U0001f600", 1.5, -7]
)
def test_any_json_is_kept_as_it_was_sent(client: httpx.Client, item: object) -> None:
    assert client.post("/api", content=json.dumps(item)).json() == [item]
    assert client.get("/api").json() == [item]


def test_post_answers_the_array_with_the_new_entry_first(client: httpx.Client) -> None:
    client.post("/api", json={"n": 1})
    answer = client.post("/api", json={"n": 2})
    assert (answer.status_code, answer.json()) == (200, [{"n": 2}, {"n": 1}])


def test_the_newest_journal_entries_are_shown(client: httpx.Client) -> None:
    for n in range(12):
        last = client.post("/api", json=n)
    assert last.json() == client.get("/api").json() == list(range(11, 1, -1))


def test_entries_of_the_other_view_appear(client: httpx.Client) -> None:
    location = client.post("/api/entries", json={"text": "one"}).headers["location"]
    assert client.get("/api").json() == [{"text": "one"}]
    client.put(location, json={"text": "two"})
    assert client.get("/api").json() == [{"text": "two"}]
    client.delete(location)
    assert client.get("/api").json() == []


@pytest.mark.parametrize(("item", "text"), [("a", "a"), ({"text": "b", "c": 1}, "b"), ({"c": 1}, '{"c":1}'), (7, "7")])
def test_items_appear_in_the_other_view(client: httpx.Client, item: object, text: str) -> None:
    client.post("/api", json=item)
    (entry,) = client.get("/api/entries").json()["entries"]
    assert entry["text"] == text
    assert client.get(f"/api/entries/{entry['id']}").json() == entry


@pytest.mark.parametrize(
    "kind", [None, "application/json; charset=UTF-8", "text/plain", "application/x-www-form-urlencoded"]
)
def test_clients_that_name_no_json_are_served(client: httpx.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    assert client.post("/api", content=b'{"a": 1}', headers=headers).json() == [{"a": 1}]


def test_a_trailing_slash_is_the_same(client: httpx.Client) -> None:
    assert client.post("/api/", json=1).json() == client.get("/api/").json() == [1]


def test_an_idempotency_key_appends_once(client: httpx.Client) -> None:
    key = {"idempotency-key": "k"}
    assert client.post("/api", json=1, headers=key).json() == [1]
    assert client.post("/api", json=1, headers=key).json() == [1]
    assert client.post("/api", json=2, headers=key).status_code == 422
    assert client.get("/api").json() == [1]


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    client.post("/api", json="x")
    answer = client.head("/api")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "5", b"")
