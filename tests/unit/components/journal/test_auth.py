"""The sign-in: nothing of it where it is off, and where it is on all of it, with keys that rotate."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components import settings
from components.journal.auth import generations, private_jwk, public_set
from components.kubernetes import SERVING
from components.settings import SettingsError
from components.settings.values import quantity
from tests.conftest import ROOT, Recording, record, settings_of
from tests.unit.policy.violations import BY_NAME, violations
from tools.stack import names

RESOURCES = {"cpu": "20m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "192Mi"}
STACKS = [name for name in names() if name != "shared"]
TIERS = {"/api": "frontend", "/": "fileserver", "/auth": "auth"}
"""What the journal's host leads to, by prefix; the status host has no sign-in."""
STATUS = {"/api/version": "frontend", "/healthz": "fileserver"}


def login_of(stack: str, **changes: Any) -> dict[str, Any]:
    # In AWS it stands for an image of the sign-in: stack shared has no repository for one yet.
    image = "localhost/journal/auth:v1.0.0" if stack == "local" else "journal/frontend:v1.0.0"
    return {"image": image, "resources": RESOURCES, **changes}


def switched_on(stack: str, **changes: Any) -> Recording:
    return record(stack, login=login_of(stack, **changes))


@pytest.fixture(scope="module")
def local() -> Recording:
    return switched_on("local")


def container(recording: Recording, tier: str) -> dict[str, Any]:
    (found,) = recording.one("Deployment", tier)["spec"]["template"]["spec"]["containers"]
    return found


def variables(recording: Recording, tier: str) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(recording, tier)["env"]}


def secret(recording: Recording, name: str, file: str) -> dict[str, Any]:
    return json.loads(recording.one("Secret", name)["stringData"][file])


@pytest.mark.parametrize("name", STACKS)
def test_where_it_is_off_nothing_is_declared(name: str) -> None:
    recording = record(name, login=None)
    assert [r.label for r in recording.registrations if r.name == "auth" or r.name.startswith("auth-")] == []
    assert not [variable for variable in variables(recording, "frontend") if variable.startswith("LOGIN")]
    assert "auth" not in str(recording.one("Deployment", "frontend")["spec"]["template"]["spec"]["volumes"]).replace(
        "redis-auth", ""
    )


@pytest.mark.parametrize("name", STACKS)
def test_where_it_is_on_all_of_it_is_there(name: str) -> None:
    recording = switched_on(name)
    for kind in ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount"):
        assert recording.one(kind, "auth"), kind
    for rule, leads in zip(recording.one("Ingress", "journal")["spec"]["rules"], (TIERS, STATUS), strict=True):
        assert {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == leads
    image = container(recording, "auth")["image"]
    assert image.endswith(login_of(name)["image"])
    assert image.startswith("localhost/") == (name == "local")
    assert [said for rule in BY_NAME.values() for said in violations(rule, recording.registrations)] == []


def test_through_a_gateway_its_path_leads_to_it_too() -> None:
    recording = record(
        "local", login=login_of("local"), ingress={**settings_of("local")["ingress"], "routes": "gateway"}
    )
    for name, leads in (("journal", TIERS), ("journal-1", STATUS)):
        rules = recording.one("HTTPRoute", name)["spec"]["rules"]
        assert {rule["matches"][0]["path"]["value"]: rule["backendRefs"][0]["name"] for rule in rules} == leads


def test_while_its_service_is_missing_the_page_does_not_answer_for_it(local: Recording) -> None:
    (config,) = [r for r in local.of_type("ConfigMap") if r.name.startswith("traefik-dynamic-")]
    routers = json.loads(config["data"]["dynamic.yaml"])["http"]["routers"].values()
    assert 'Host("journal.test") && (Path("/auth") || PathPrefix("/auth/"))' in [router["rule"] for router in routers]


def test_it_is_of_what_serves(local: Recording) -> None:
    assert local.one("Deployment", "auth")["spec"]["template"]["spec"]["priorityClassName"] == SERVING


def test_only_the_ingress_controller_reaches_it_and_it_reaches_nothing(local: Recording) -> None:
    spec = local.one("NetworkPolicy", "auth")["spec"]
    (allowed,) = spec["ingress"]
    assert allowed["ports"] == [{"port": "http", "protocol": "TCP"}]
    labels = [peer["namespaceSelector"]["matchLabels"] for peer in allowed["from"]]
    assert labels == [{"kubernetes.io/metadata.name": "traefik"}]
    assert not spec.get("egress")
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    policies = [r for r in local.of_type("NetworkPolicy") if r["metadata"]["namespace"] == "journal"]
    assert [r.name for r in policies if "'app.kubernetes.io/name': 'auth'" in str(r["spec"].get("ingress"))] == []


def test_the_private_key_is_in_the_pods_of_the_sign_in_alone(local: Recording) -> None:
    mounting = {
        r.name: {
            volume["secret"]["secretName"] for volume in r["spec"]["template"]["spec"]["volumes"] if "secret" in volume
        }
        for r in [*local.of_type("Deployment"), *local.of_type("StatefulSet"), *local.of_type("Job")]
    }
    assert {name for name, secrets in mounting.items() if "auth-signing-key" in secrets} == {"auth"}
    assert {name for name, secrets in mounting.items() if "auth-users" in secrets} == {"auth"}
    assert {name for name, secrets in mounting.items() if "auth-keys" in secrets} == {"auth", "frontend"}
    assert mounting["auth"] == {"auth-signing-key", "auth-keys", "auth-users"}
    for name in ("auth-signing-key", "auth-keys"):
        assert local.one("Secret", name).secrets
    assert all("d" not in key for key in secret(local, "auth-keys", "keys.json")["keys"])


def test_pods_start_before_there_is_a_user_and_pulumi_owns_none(local: Recording) -> None:
    (users,) = [
        v for v in local.one("Deployment", "auth")["spec"]["template"]["spec"]["volumes"] if v["name"] == "auth-users"
    ]
    assert users["secret"]["optional"] is True
    assert "auth-users" not in {r.name for r in local.of_type("Secret")}


def test_both_tiers_agree_on_tokens(local: Recording) -> None:
    made, taken = variables(local, "auth"), variables(local, "frontend")
    assert made["ISSUER"] == taken["LOGIN__ISSUER"] == "https://journal.test/auth"
    assert made["AUDIENCE"] == taken["LOGIN__AUDIENCE"] == "https://journal.test/api"
    assert taken["LOGIN__KEYS_FILE"] == "/etc/auth-keys/keys.json"
    assert {"name": "auth-keys", "mountPath": "/etc/auth-keys", "readOnly": True} in container(local, "frontend")[
        "volumeMounts"
    ]
    assert (taken["LOGIN__WRITES"], taken["LOGIN__READS"], made["SESSION_SECONDS"]) == ("true", "open", "3600")
    assert local.one("Secret", "auth-keys").urn in local.dependencies_of(local.one("Deployment", "frontend"))
    other = variables(switched_on("local", writes=False, sessionMinutes=5), "frontend")
    assert (other["LOGIN__WRITES"], other["LOGIN__READS"]) == ("false", "open")
    assert variables(switched_on("local", reads="signedIn"), "frontend")["LOGIN__READS"] == "signedIn"


def test_a_candidate_asks_for_tokens_too() -> None:
    release = {"strategy": "blueGreen", "candidate": "localhost/journal/frontend:v1.1.0-0123abcd"}
    frontend = {**settings_of("local")["frontend"], "release": release}
    recording = record("local", login=login_of("local"), frontend=frontend)
    assert variables(recording, "frontend-candidate")["LOGIN__WRITES"] == "true"


@pytest.mark.parametrize(("current", "known"), [(1, (1, 2)), (2, (1, 2, 3)), (7, (6, 7, 8))])
def test_the_keys_there_are(current: int, known: tuple[int, ...]) -> None:
    assert generations(current) == known


def test_a_rotation_signs_with_what_everybody_knew_and_forgets_nobody() -> None:
    """A pod may have the files of before while another has those of after: each must verify what the other signs."""
    sets, signs = [], []
    for generation in (1, 2, 3):
        recording = switched_on("local", keyGeneration=generation)
        signs.append(secret(recording, "auth-signing-key", "key.json")["kid"])
        sets.append({key["kid"] for key in secret(recording, "auth-keys", "keys.json")["keys"]})
        seeds = {r.name for r in recording.of_type("RandomPassword") if r.name.startswith("auth-key-")}
        assert seeds == {f"auth-key-{number}" for number in generations(generation)}
    for before, after in ((0, 1), (1, 2)):
        assert signs[after] in sets[before]
        assert signs[before] in sets[after]
    assert signs[0] not in sets[2], "two rotations refuse what the first key signed"
    assert len(set(signs)) == 3


def test_a_key_is_the_same_each_time_and_signs_what_its_public_half_verifies() -> None:
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    one, again, two, other = (private_jwk(*of) for of in (("seed", 1), ("seed", 1), ("seed", 2), ("other", 1)))
    assert one == again
    assert len({key["d"] for key in (one, two, other)}) == len({key["kid"] for key in (one, two, other)}) == 3

    def raw(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=")

    signature = Ed25519PrivateKey.from_private_bytes(raw(one["d"])).sign(b"x")
    Ed25519PublicKey.from_public_bytes(raw(one["x"])).verify(signature, b"x")
    (public,) = json.loads(public_set([one]))["keys"]
    assert set(public) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_a_rollout_fits_into_the_quota() -> None:
    recording = switched_on("local", replicas=20)
    (quota,) = [r for r in recording.of_type("ResourceQuota") if r["metadata"]["namespace"] == "journal"]
    declared = [r for r in recording.of_type("Deployment") if r["metadata"]["namespace"] == "journal"]
    assert quantity(quota["spec"]["hard"]["pods"]) >= 2 * sum(r["spec"]["replicas"] for r in declared)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reads": "signedIn", "writes": False}, "nobody may read what everybody may change; leave out writes"),
        ({"reads": "closed"}, "login.reads = 'closed'"),
        ({"replicas": 1}, "login.replicas = 1: input should be greater than or equal to 2"),
        ({"sessionMinutes": 1}, "login.sessionMinutes = 1: input should be greater than or equal to 5"),
        ({"keyGeneration": 0}, "login.keyGeneration = 0"),
        ({"image": "localhost/journal/auth:latest"}, "login.image"),
        ({"write": True}, "login.write: unknown key; did you mean 'writes'?"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse({**settings_of("local"), "login": login_of("local", **changes)})
    assert says in str(caught.value)


def test_in_aws_its_repository_must_be_there() -> None:
    login = {**login_of("prod"), "image": "journal/sign-in:v1.0.0"}
    with pytest.raises(SettingsError, match="stack shared has no repository journal/sign-in"):
        settings.parse({**settings_of("prod"), "login": login}, folder=ROOT)


def test_in_aws_the_image_comes_from_the_shared_registry() -> None:
    login = login_of("prod", image="ghcr.io/journal/auth:v1")
    with pytest.raises(SettingsError, match=r"login\.image ghcr.io/journal/auth:v1 names a registry"):
        settings.parse({**settings_of("prod"), "login": login})
