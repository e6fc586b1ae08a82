"""Every answer names the version and the commit of the process that gives it."""

import httpx
import pytest


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 200),
        ("GET", "/api", 200),  # from memory
        ("HEAD", "/api/version", 200),
        ("GET", "/api/entries/none", 404),
        ("GET", "/elsewhere", 404),
        ("PATCH", "/api", 405),
        ("POST", "/api/entries", 400),
    ],
)
def test_every_answer_names_its_version(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers.get_list("Journal-Version")) == (status, ["1.2.3+bfeda01f"])


def test_the_version_is_what_the_answer_says_too(client: httpx.Client) -> None:
    answer = client.get("/api/version")
    assert answer.headers["Journal-Version"] == f"{answer.json()['version']}+{answer.json()['commit']}"
