"""`make status` shows which versions answer, and in which share."""

import itertools

import httpx

from local import show


def client(*answers: httpx.Response | type[httpx.HTTPError]) -> httpx.Client:
    """A journal whose API answers so, one after the other and again; its page is of one version."""
    coming = itertools.cycle(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Connection"] == "close"
        if request.url.path == "/":
            return httpx.Response(200, text='<p data-page-version="1.0.0" data-page-commit="c">')
        found = next(coming)
        if isinstance(found, httpx.Response):
            return found
        raise found("away")

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="https://journal.test")


def version(name: str) -> httpx.Response:
    return httpx.Response(200, headers={"Journal-Version": name})


def test_a_canary_shows_as_the_share_that_answers() -> None:
    stable, candidate = version("1.0.0+a"), version("1.1.0+b")
    assert show.split(client(stable, stable, stable, candidate)) == [
        ("frontend", "1.0.0+a", 15),
        ("frontend", "1.1.0+b", 5),
        ("fileserver", "1.0.0+c", 20),
    ]


def test_what_is_no_version_is_told_too() -> None:
    wrong = httpx.Response(503), httpx.Response(200), httpx.ConnectError, version("1.0.0+a")
    found = {said: count for tier, said, count in show.split(client(*wrong)) if tier == "frontend"}
    assert found == {"status 503": 5, "of no version": 5, "no answer (ConnectError)": 5, "1.0.0+a": 5}
