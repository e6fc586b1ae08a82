"""The next password of Redis, in three steps: servers accept it too, all use it, the old one is refused.

Each step is a setting in the stack's file. The next one begins when every server, Sentinel and pod of the API has been
asked and has the last: a run that was interrupted goes on from there.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from components.settings import PASSWORD_STAGE, RedisSettings
from local.access import Access
from tools import stack, stack_file
from tools.failures import Failure
from tools.files import write_atomically

GENERATION, STEP = "passwordGeneration", "passwordStep"
SECONDS = 300
"""The kubelet brings a Secret to a pod within its sync period and the life of its cache: about two minutes."""
Stage = tuple[int, str | None]


def following(stage: Stage) -> Stage:
    """The stage after this one."""
    generation, step = stage
    match step:
        case None:
            return generation, "accept"
        case "accept":
            return generation, "use"
        case _:
            return generation + 1, None


def stage_of(name: str) -> Stage:
    """The stage in a stack's file. Raises Failure, and SettingsError where the file is wrong."""
    redis = stack.config_of(name).get(f"{stack.PROJECT}:redis")
    if redis is None:
        raise Failure(f"Stack {name} has no Redis.", f"Name another: {', '.join(stack.environments())}.")
    settings = RedisSettings.model_validate(redis)
    return settings.password_generation, settings.password_step


def rewritten(text: str, stage: Stage) -> str:
    """The text of a stack's file with this stage in the section `journal:redis`; comments stay."""
    document = stack_file.load(text)
    section = document["config"][f"{stack.PROJECT}:redis"]
    generation, step = stage
    for key in (GENERATION, STEP):
        section.pop(key, None)
    if step is not None:
        section.insert(0, STEP, step)
    section.insert(0, GENERATION, generation)
    return stack_file.dump(document)


def write(path: Path, stage: Stage) -> None:
    """Puts the stage into a stack's file."""
    write_atomically(path, rewritten(path.read_text(), stage))


def digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def has_applied(said: str, accepted: Sequence[str]) -> bool:
    """Whether what passwords.sh says of a server is these passwords, and the first of them in use."""
    wanted = [*(f"accepts {digest(password)}" for password in accepted), f"uses {digest(accepted[0])}"]
    return sorted(said.split("\n")) == sorted(wanted)


def is_deployed(here: Access, namespace: str, stage: Stage) -> bool:
    """Whether the Secret is of this stage. One from before there were stages is of none."""
    generation, step = stage
    metadata = here.json("-n", namespace, "get", "secret", "redis-auth")["metadata"]
    return metadata.get("annotations", {}).get(PASSWORD_STAGE) == f"{generation} {step or 'alone'}"


def lagging(here: Access, namespace: str) -> list[str]:
    """Who does not have the Secret's passwords yet: servers and Sentinels as they accept, the API as its file says."""
    secret = here.json("-n", namespace, "get", "secret", "redis-auth")["data"]
    accepted = base64.b64decode(secret["accepted"]).decode().split("\n")
    late = []
    for name, container, *command in _questions(here, namespace):
        try:
            said = here.run("-n", namespace, "exec", name, "-c", container, "--", *command).decode().strip()
        except Failure:
            said = ""
        fits = said.split(" ")[0] == digest(accepted[0]) if command[0] == "sha256sum" else has_applied(said, accepted)
        if not fits:
            late.append(f"{name}/{container}")
    return late


def _questions(here: Access, namespace: str) -> list[tuple[str, ...]]:
    """Pod, container and command for everyone who has a password. Pods that end are asked too: they still write."""
    found: list[tuple[str, ...]] = []
    for pod in here.json("-n", namespace, "get", "pods")["items"]:
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            continue
        name, tier = pod["metadata"]["name"], pod["metadata"]["labels"].get("app.kubernetes.io/name")
        mounting = [
            container["name"]
            for container in pod["spec"]["containers"]
            if any(mount["mountPath"] == "/etc/redis-auth" for mount in container.get("volumeMounts", []))
        ]
        for container in mounting:
            if tier == "redis":
                which = ["sentinel"] if container == "sentinel" else []
                found.append((name, container, "sh", "/etc/redis/passwords.sh", *which))
            else:
                found.append((name, container, "sha256sum", "/etc/redis-auth/password"))
    return found


def hurry(here: Access, namespace: str) -> None:
    """Makes the kubelet look at the pods now: a changed annotation is a reason to."""
    pods = here.json("-n", namespace, "get", "pods", "-l", "app.kubernetes.io/part-of=journal")["items"]
    for pod in pods:
        mark = f"redis/passwords-looked-for={int(time.time())}"
        here.run("-n", namespace, "annotate", "--overwrite", "pod", pod["metadata"]["name"], mark)


def wait(late: Callable[[], list[str]], say: Callable[[str], None], seconds: float = SECONDS) -> None:
    """Returns once nobody is late. Raises Failure with who is after these seconds."""
    end = time.monotonic() + seconds
    while names := late():
        if time.monotonic() > end:
            raise Failure(
                f"Not all have the passwords after {seconds:g} s: {', '.join(names)}.",
                "Nothing is refused meanwhile. See `make status`, mend that pod, and run `make rotate` again.",
            )
        say(f"waiting for {', '.join(names)}")
        time.sleep(1)
