"""Migrations: a Job for each version, before the version's pods, with what the API may do and no more."""

from collections.abc import Callable

from components.kubernetes import content_hash
from tests.conftest import Recording, record, settings_of

NEXT = "localhost/journal/frontend:v1.1.0-0123abcd"


def job_of(image: str) -> str:
    return f"frontend-migration-{content_hash({'image': image})}"


def test_every_version_is_migrated_to_before_its_pods_start() -> None:
    frontend = settings_of("local")["frontend"]
    recording = record("local", frontend={**frontend, "release": {"strategy": "canary", "candidate": NEXT}})
    jobs = recording.of_type("Job")
    assert {job.name for job in jobs} == {job_of(frontend["image"]), job_of(NEXT)}
    for name in ("frontend", "frontend-candidate"):
        dependencies = recording.one("Deployment", name).dependencies
        assert {job.urn for job in jobs} <= set(dependencies)


def test_a_job_runs_the_image_of_its_version(recorded: Callable[[str], Recording]) -> None:
    recording = recorded("prod")
    (job,) = recording.of_type("Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (api,) = recording.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == api["image"]
    assert container["command"] == ["python3", "-m", "journal_api.migrate"]
    of_redis = {variable["name"]: variable for variable in api["env"] if variable["name"].startswith("REDIS_")}
    assert {variable["name"]: variable for variable in container["env"]} == of_redis


def test_it_reaches_redis_and_nothing_reaches_it(recorded: Callable[[str], Recording]) -> None:
    recording = recorded("prod")
    own, redis = (recording.one("NetworkPolicy", name)["spec"] for name in ("frontend-migration", "redis"))
    assert own["policyTypes"] == ["Ingress", "Egress"]
    assert not own.get("ingress")
    assert "0.0.0.0/0" not in str(own["egress"])
    assert "'app.kubernetes.io/name': 'frontend-migration'" in str(redis["ingress"])
