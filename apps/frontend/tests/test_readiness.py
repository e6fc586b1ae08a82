"""What the kubelet asks: a new pod waits for Redis, and one that serves goes on serving without it."""

from pathlib import Path

import httpx

from .processes import Api, Redis, eventually


def ready(api: Api, path: str) -> int:
    return httpx.get(api.management + path, trust_env=False).status_code


def test_readiness_may_leave_redis_out(tmp_path: Path, redis: Redis) -> None:
    redis.kill()
    with Api(tmp_path, read=redis, write=redis).running(ready=False) as api:
        assert [ready(api, path) for path in ("/readyz", "/readyz?exclude=redis")] == [503, 200]
        redis.start()
        eventually(api.is_ready, "the API finds Redis")
        assert ready(api, "/readyz?exclude=redis") == 200


def test_a_new_process_waits_for_the_primary_too(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    """A rollout would fail writes: the pods before are stopped as soon as the new ones are ready."""
    redis.kill()
    with Api(tmp_path, read=replica, write=redis, START_PATIENCE="20").running(ready=False) as api:
        eventually(lambda: api.metric('journal_redis_up{role="read"}') == 1, "it can read")
        assert ready(api, "/readyz") == 503
        redis.start()
        eventually(api.is_ready, "it can write")
        assert api.client.post("/api/entries", json={"text": "the first"}).status_code == 201


def test_reads_are_better_than_nothing(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    redis.kill()
    with Api(tmp_path, read=replica, write=redis, START_PATIENCE="1").running() as api:
        assert api.client.get("/api").status_code == 200


def test_nothing_else_can_be_left_out(api: Api) -> None:
    assert ready(api, "/readyz?exclude=draining") == 400


def test_a_process_that_drains_is_not_ready_whatever_is_left_out(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, DRAIN_SECONDS="20").running() as api:
        assert api.process is not None
        api.process.terminate()
        eventually(lambda: ready(api, "/readyz?exclude=redis") == 503, "it drains")
