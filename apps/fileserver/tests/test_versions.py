"""Two versions side by side: whichever pod is asked, the assets of both answer."""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from apps.fileserver.tests.names import Names
from apps.fileserver.tests.nginx import Nginx, Peers, start
from apps.fileserver.tests.test_build import page_with, run
from apps.fileserver.tests.test_server import IMMUTABLE, assert_secure, last_log
from tools.ports import free_port

HTML = '<script type="module" src="/assets/app.js"></script>'
NOT_FOUND = "<h1>Page not found</h1>"
INVENTED = "/assets/app.0123456789.js"


def asset(site: Path) -> str:
    """The address of the site's module."""
    (path,) = (site / "assets").glob("app.*.js")
    return f"/assets/{path.name}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the image's user may enter."""
    with tempfile.TemporaryDirectory(prefix="journal-versions-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def sites(folder: Path) -> tuple[Path, Path]:
    """Two versions of a site."""
    for version in "ab":
        source = page_with(folder / f"source-{version}", HTML, app_js=f"export const version = '{version * 200}';")
        (source / "404.html").write_text(NOT_FOUND)
        assert run(source, folder / version).returncode == 0
    return folder / "a", folder / "b"


@pytest.fixture
def names() -> Names:
    return Names(["127.0.0.1", "127.0.0.2"])


@pytest.fixture
def pods(folder: Path, names: Names) -> Iterator[Callable[[Path, str], Nginx]]:
    """Starts a pod with a site at an address of this machine; all are found by one name."""
    peers = Peers(port=free_port(), resolver=names.port)
    with ExitStack() as stack:

        def pod(site: Path, address: str) -> Nginx:
            files = folder / address
            files.mkdir()
            server = start(site, files, address=address, peers=peers)
            stack.callback(server.process.wait)
            stack.callback(server.process.kill)
            return server

        yield pod


@pytest.fixture
def both(pods: Callable[[Path, str], Nginx], sites: tuple[Path, Path]) -> tuple[Nginx, Nginx]:
    """A pod of each version."""
    return pods(sites[0], "127.0.0.1"), pods(sites[1], "127.0.0.2")


def requests(server: Nginx) -> int:
    """How many requests for assets the pod has answered until now. NGINX writes a line after the answer."""
    httpx.get(f"{server.url}/?now")
    last_log(server, "/?now")
    return server.access_log.read_text().count("/assets/")


def test_each_version_answers_for_the_other(both: tuple[Nginx, Nginx], sites: tuple[Path, Path]) -> None:
    for pod, other in zip(both, reversed(sites), strict=True):
        response = httpx.get(pod.url + asset(other), headers={"Accept-Encoding": "identity"})
        assert response.status_code == 200
        assert response.content == (other / asset(other)[1:]).read_bytes()
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Cache-Control"] == IMMUTABLE
        assert_secure(response.headers)


def test_an_answer_of_another_pod_is_as_ones_own(both: tuple[Nginx, Nginx], sites: tuple[Path, Path]) -> None:
    """Compressed, as HEAD, and unchanged alike."""
    path = asset(sites[1])
    for headers in ({"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}):
        for method in ("GET", "HEAD"):
            asked, own = (httpx.request(method, pod.url + path, headers=headers) for pod in both)
            varying = {"date", "x-request-id", "connection"}
            answers = [{k: sorted(r.headers.get_list(k)) for k in r.headers if k not in varying} for r in (asked, own)]
            assert answers[0] == answers[1]
            assert asked.content == own.content
    again = httpx.get(both[0].url + path, headers={**headers, "If-None-Match": own.headers["ETag"]})
    assert again.status_code == 304
    assert again.headers["Cache-Control"] == IMMUTABLE


def test_a_request_keeps_its_id_and_leaves_its_cookies(both: tuple[Nginx, Nginx], sites: tuple[Path, Path]) -> None:
    response = httpx.get(both[0].url + asset(sites[1]), headers={"X-Request-Id": "abc-1", "Cookie": "a=b"})
    assert response.headers.get_list("X-Request-Id") == ["abc-1"]
    assert last_log(both[1], asset(sites[1]))["request_id"] == "abc-1"


def test_what_nobody_has_is_asked_once_of_each_and_not_kept(both: tuple[Nginx, Nginx]) -> None:
    response = httpx.get(both[0].url + INVENTED)
    assert response.status_code == 404
    assert response.text == NOT_FOUND
    assert response.headers["Cache-Control"] == "no-cache"
    assert_secure(response.headers)
    assert requests(both[1]) == 1


@pytest.mark.parametrize(
    "path", ["/nothing", "/assets/app.js", "/assets/app.0123456789.js.gz", "/assets/../assets/x", "/assets/%2e%2e/x"]
)
def test_only_names_that_a_build_makes_are_asked_for(both: tuple[Nginx, Nginx], names: Names, path: str) -> None:
    assert httpx.get(both[0].url + path).status_code == 404
    assert names.asked == 0


def test_whoever_invents_names_reaches_the_others_a_limited_number_of_times(
    folder: Path, names: Names, sites: tuple[Path, Path]
) -> None:
    names.addresses = ["127.0.0.1"]
    peers = Peers(port=free_port(), resolver=names.port, limit=5)
    server = start(sites[0], folder, peers=peers)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool, httpx.Client() as client:
            paths = [f"{server.url}/assets/app.{number:010x}.js" for number in range(200)]
            answers = list(pool.map(client.get, paths))
        seconds = time.monotonic() - began
        assert {(answer.status_code, answer.headers["Cache-Control"]) for answer in answers} == {(404, "no-cache")}
        asked = requests(server) - 200
        assert 0 < asked <= 5 + 1 + 5 * seconds
    finally:
        server.process.kill()
        server.process.wait()


def test_pods_that_are_gone_are_passed_over(
    pods: Callable[[Path, str], Nginx], sites: tuple[Path, Path], names: Names
) -> None:
    names.addresses = ["127.0.0.9", "127.0.0.1", "127.0.0.8", "127.0.0.2"]
    first, _ = pods(sites[0], "127.0.0.1"), pods(sites[1], "127.0.0.2")
    for _ in range(20):
        assert httpx.get(first.url + asset(sites[1])).status_code == 200


@pytest.mark.parametrize("addresses", [[], ["127.0.0.1"], ["127.0.0.9"]])
def test_alone_it_says_that_there_is_no_such_page(
    pods: Callable[[Path, str], Nginx], sites: tuple[Path, Path], names: Names, addresses: list[str]
) -> None:
    names.addresses = addresses
    response = httpx.get(pods(sites[0], "127.0.0.1").url + asset(sites[1]))
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "no-cache"
    assert_secure(response.headers)


def test_after_the_rollout_the_new_version_answers_for_the_one_before(
    pods: Callable[[Path, str], Nginx], folder: Path, sites: tuple[Path, Path]
) -> None:
    target = folder / "kept"
    assert run(folder / "source-b", target, "--previous", sites[0] / "assets").returncode == 0
    response = httpx.get(pods(target, "127.0.0.1").url + asset(sites[0]), headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert response.content == (sites[0] / asset(sites[0])[1:]).read_bytes()
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Cache-Control"] == IMMUTABLE
    assert_secure(response.headers)


def test_the_old_version_asks_for_what_a_new_one_keeps(
    pods: Callable[[Path, str], Nginx], folder: Path, sites: tuple[Path, Path]
) -> None:
    """Three versions: the oldest page's asset is asked of a pod that never had it."""
    run(page_with(folder / "source-c", HTML, app_js="export const version = 'c';"), folder / "c")
    run(folder / "source-b", folder / "kept", "--previous", sites[0] / "assets")
    pods(folder / "kept", "127.0.0.2")
    response = httpx.get(pods(folder / "c", "127.0.0.1").url + asset(sites[0]))
    assert (response.status_code, response.headers["Cache-Control"]) == (200, IMMUTABLE)
