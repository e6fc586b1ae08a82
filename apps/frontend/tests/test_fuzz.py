"""Whatever JSON is posted comes back; whatever bytes are posted, nothing breaks."""

from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .processes import Api

BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
ALMOST_JSON = st.text(st.sampled_from('{}[]",:0123456789.eE+-truefalsn\\ud800x\x00 \n'), max_size=60).map(str.encode)


@BOUNDED
@given(value=VALUES)
def test_any_json_comes_back(client: httpx.Client, value: Any) -> None:
    answer = client.post("/api", json=value) if value is not None else client.post("/api", content=b"null")
    assert answer.status_code == 200
    assert answer.json()[0] == client.get("/api").json()[0] == value
    (entry,) = client.get("/api/entries", params={"limit": 1}).json()["entries"]
    assert value != entry["text"] or isinstance(value, str)


@BOUNDED
@given(body=st.binary(max_size=60) | ALMOST_JSON)
def test_no_body_breaks_it(client: httpx.Client, body: bytes) -> None:
    assert client.post("/api", content=body).status_code in (200, 400, 422)
    assert client.post("/api/entries", content=body).status_code in (201, 400, 422)
    assert client.get("/api").status_code == 200


@BOUNDED
@given(
    path=st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="?#."), max_size=30).filter(
        lambda path: path.strip("/")
    ),
    query=TEXT,
)
def test_no_path_breaks_it(client: httpx.Client, path: str, query: str) -> None:
    url = httpx.URL(client.base_url).copy_with(path=f"/api/entries/{path}")
    assert client.get(url).status_code in (400, 404)
    assert client.get("/api/entries", params={"limit": query, "cursor": query}).status_code == 400
    assert client.get("/api/entries", params={query: "1"}).status_code in (200, 400)


@BOUNDED
@given(
    name=st.sampled_from(["idempotency-key", "content-type", "origin", "x-request-id"]), value=st.binary(max_size=30)
)
def test_no_header_breaks_it(api: Api, name: str, value: bytes) -> None:
    clean = value.replace(b"\r", b"").replace(b"\n", b"")
    head = b"POST /api/entries HTTP/1.1\r\nhost: a\r\n" + name.encode() + b": " + clean
    answer = api.exchange(head + b"\r\ncontent-length: 13\r\n\r\n" + b'{"text": "x"}')
    assert int(answer.split()[1]) in (201, 400, 403, 415, 422)
