"""What the log says of the primary that Sentinel told of."""

from pathlib import Path

from .processes import Api, Redis, eventually
from .test_redis_away import sentinel


def messages(api: Api) -> list[str]:
    return [line["message"] for line in api.log() if line["logger"] == "journal_api.redis_client"]


def test_the_log_names_the_address_that_sentinel_told(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    with sentinel(tmp_path, redis) as port:
        known = f"127.0.0.1:{port}"
        with Api(tmp_path / "api", read=redis, write=replica, REDIS_SENTINELS=known).running() as api:
            eventually(lambda: api.metric('journal_redis_up{role="write"}'), "the primary is found")
            assert f"redis write at {redis.host}:{redis.port} is connected" in messages(api)
            redis.kill()
            lost = f"redis write at {redis.host}:{redis.port} is not available"
            eventually(lambda: any(message.startswith(lost) for message in messages(api)), "the loss is logged")


def test_the_log_says_that_no_sentinel_answers(tmp_path: Path, redis: Redis, unused_port: int) -> None:
    """No address is named that nobody connects to."""
    known = f"127.0.0.1:{unused_port}"
    with Api(tmp_path / "api", read=redis, write=redis, REDIS_SENTINELS=known).running(ready=False) as api:
        unknown = "redis write at an address that no Sentinel tells is not available"
        eventually(lambda: any(message.startswith(unknown) for message in messages(api)), "the failure is logged")
