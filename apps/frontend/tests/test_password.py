"""The password comes from a file, and a new one is taken from there without a restart."""

from pathlib import Path

from .processes import PASSWORD, Api, Redis, eventually


def rotate(redis: Redis, password: str) -> None:
    """As an operator would: the server first. Connections that are logged in stay so until they end."""
    redis.command("CONFIG", "SET", "requirepass", password)
    redis.password = password
    redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def test_a_new_password_is_taken_from_the_file(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        rotate(redis, "battery staple")
        eventually(lambda: api.client.get("/api").status_code == 503, "the old password is refused")
        assert not api.is_ready()
        api.password_file.write_text("battery staple")
        eventually(api.is_ready, "the new password is used")
        assert api.client.post("/api", json=1).json() == [1]


def test_a_file_that_changed_first_costs_no_request(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        api.password_file.write_text("battery staple")
        assert api.client.post("/api", json=1).json() == [1]
        rotate(redis, "battery staple")
        assert api.client.post("/api", json=2).json() == [2, 1]


def test_rights_that_are_missing_are_an_outage(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        redis.command("ACL", "SETUSER", "default", "-@all", "+auth", "+hello", "+client", "+acl", "+info")
        assert [api.client.get("/api").status_code, api.client.post("/api", json=1).status_code] == [503, 503]
        redis.command("ACL", "SETUSER", "default", "+@all")
        assert api.client.post("/api", json=1).json() == [1]


def test_a_file_that_went_away_is_only_an_outage(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        api.password_file.unlink()
        redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        eventually(lambda: api.client.get("/api").status_code == 503, "there is no connection")
        api.password_file.write_text(PASSWORD)
        eventually(api.is_ready, "the file is back")


def test_no_password_is_logged(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, LOG_LEVEL="debug").running() as api:
        api.password_file.write_text("secret-that-is-wrong")
        redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        eventually(lambda: api.client.get("/api").status_code == 503, "the password is refused")
        api.password_file.write_text(PASSWORD)
        eventually(api.is_ready, "the right password is used")
        logged = str(api.log())
        assert "invalid username-password pair" in logged
        assert PASSWORD not in logged
        assert "secret-that-is-wrong" not in logged
