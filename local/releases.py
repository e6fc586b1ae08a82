"""Releases of a tier: changes of the stack's file, which is then deployed, and what the cluster tells of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from components.settings import Tier
from local.access import Access
from local.overrides import HASHED
from tools import stack, stack_file
from tools.failures import Failure
from tools.files import write_atomically
from tools.stack_file import Section

TIERS = ("frontend", "fileserver")
NAMESPACE = "journal"
REVISION = "deployment.kubernetes.io/revision"
Change = Callable[[Section], None]


class Revision(NamedTuple):
    """A version that the tier's Deployment has had. image: without the registry where the stack's file has none."""

    number: int
    image: str
    since: str
    pods: int


def start(image: str, *, strategy: str, share: int | None, by: str | None = None, current: str | None = None) -> Change:
    """Runs a candidate beside the current version.

    by: what gives a canary its share; without it, what the file says. current: the image to go on with, where the file
    leaves it open.
    """

    def change(section: Section) -> None:
        release = _release(section)
        if "candidate" in release:
            raise Failure(f"Candidate {release['candidate']} runs already.", "Promote it, or abort it, first.")
        if current is not None:
            section["image"] = current
        release.pop("live", None)
        if strategy != "canary":
            release.pop("by", None)
        wanted = {"strategy": strategy, "candidate": image, "share": share, "by": by}
        release.update({key: value for key, value in wanted.items() if value is not None})

    return change


def share(percent: int) -> Change:
    """Gives the candidate of a canary this share."""

    def change(section: Section) -> None:
        _candidate(section)
        _release(section)["share"] = percent

    return change


def live(version: str) -> Change:
    """Leads the Service to "current" or "candidate"."""

    def change(section: Section) -> None:
        _candidate(section)
        _release(section)["live"] = version

    return change


def promote_behind() -> Change:
    """Makes the candidate the tier's image while the candidate serves: the first half of a promotion with blue/green.

    In one step the Service might lead to pods of the version before: Pulumi may end an update of a Deployment early.
    """

    def change(section: Section) -> None:
        section["image"] = _candidate(section)

    return change


def promote(checkout: str) -> Change:
    """Makes the candidate the tier's image. checkout: what this checkout makes; the file names it without its hash."""

    def change(section: Section) -> None:
        candidate = _candidate(section)
        section["image"] = unpinned(candidate) if candidate == checkout else candidate
        _without_candidate(section)

    return change


def abort() -> Change:
    """Takes the candidate away."""

    def change(section: Section) -> None:
        _candidate(section)
        _without_candidate(section)

    return change


def undo(revisions: list[Revision], number: int | None) -> Change:
    """Makes the image of an earlier revision the tier's; without a number, that of the one before.

    Configuration is not undone: `configHistory` has its versions.
    """
    known = ", ".join(f"{revision.number} ({revision.image})" for revision in revisions)
    *earlier, last = revisions
    others = [revision for revision in earlier if revision.image != last.image]
    found = next((r for r in revisions if r.number == number), None) if number is not None else (others or [None])[-1]
    if found is None:
        what = (
            "There is no revision before with another image." if number is None else f"There is no revision {number}."
        )
        raise Failure(what, f"Revisions: {known}.")
    if found.image == last.image:
        raise Failure(f"Revision {found.number} has the image that runs, {last.image}.", f"Revisions: {known}.")

    def change(section: Section) -> None:
        if "candidate" in _release(section):
            raise Failure("A candidate runs.", "Promote it, or abort it, first.")
        section["image"] = found.image

    return change


def scale(replicas: int) -> Change:
    """Gives the tier this many pods."""

    def change(section: Section) -> None:
        if bounds := section.get("autoscaling"):
            raise Failure(
                f"An autoscaler chooses how many pods there are, at most {bounds.get('maxReplicas')}.",
                "Change minReplicas and maxReplicas in the tier's `autoscaling`; both alike, they fix the number.",
            )
        section["replicas"] = replicas

    return change


def pause(paused: bool) -> Change:
    """Lets rollouts rest, or go on."""

    def change(section: Section) -> None:
        release = _release(section)
        if paused:
            release["paused"] = True
        else:
            release.pop("paused", None)

    return change


def restart() -> Change:
    """Replaces every pod by one that is alike."""

    def change(section: Section) -> None:
        release = _release(section)
        release["restarts"] = release.get("restarts", 0) + 1

    return change


def check_tier(tier: str) -> None:
    """Raises Failure for a tier that has no releases."""
    if tier not in TIERS:
        raise Failure(f"There is no tier {tier!r} to release.", f"Tiers: {', '.join(TIERS)}.")


def apply(name: str, tier: str, change: Change) -> Path:
    """Changes a tier in a stack's file, and nothing else in it; its path.

    Raises Failure and SettingsError; then the file is as it was.
    """
    check_tier(tier)
    stack.config_of(name)
    path = stack.ROOT / f"Pulumi.{name}.yaml"
    document = stack_file.load(path.read_text())
    section = document["config"].get(f"{stack.PROJECT}:{tier}")
    if section is None:
        raise Failure(f"Stack {name} has no {tier}.", f"Name another: {', '.join(stack.environments())}.")
    change(section)
    if not _release(section):
        del section["release"]
    stack.checked(document["config"], name)
    write_atomically(path, stack_file.dump(document))
    return path


def tier_of(name: str, tier: str) -> Tier:
    """A tier's settings. Raises Failure and SettingsError."""
    check_tier(tier)
    return Tier.model_validate(stack.config_of(name)[f"{stack.PROJECT}:{tier}"])


def history(here: Access, tier: str) -> list[Revision]:
    """The revisions that the cluster remembers, oldest first. Raises Failure where there is none."""
    found = here.json("-n", NAMESPACE, "get", "replicasets", "-l", f"app.kubernetes.io/name={tier}")["items"]
    if not found:
        raise Failure(f"The cluster has no {tier}.", "Deploy the stack first.")
    return sorted(_revision(item) for item in found)


def _revision(item: Mapping[str, Any]) -> Revision:
    image = item["spec"]["template"]["spec"]["containers"][0]["image"]
    registry, _, rest = image.partition("/")
    of_ecr = registry.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    metadata = item["metadata"]
    number, since = int(metadata["annotations"][REVISION]), metadata["creationTimestamp"]
    return Revision(number, rest if of_ecr else image, since, item["status"].get("replicas", 0))


def unpinned(image: str) -> str:
    """An image of this machine without the hash that its tag ends with."""
    return HASHED.sub("", image)


def _release(section: Section) -> Section:
    return section.setdefault("release", {})


def _candidate(section: Section) -> str:
    candidate = _release(section).get("candidate")
    if candidate is None:
        raise Failure("No candidate runs.", "Start one: make release ARGS='start IMAGE'.")
    return candidate


def _without_candidate(section: Section) -> None:
    for key in ("candidate", "share", "live"):
        _release(section).pop(key, None)
