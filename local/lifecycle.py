"""From a fresh machine to a served journal, and back to nothing."""

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from components.settings.errors import SettingsError
from local import acme, cluster, gateway, images, overrides, rotation, show
from local.access import Access, access, named_context, stopped
from local.pulumi import programs as pulumi_programs
from local.pulumi.deployment import Deployment
from local.pulumi.display import WOULD_BE
from local.pulumi.programs import PulumiPrograms
from local.pulumi.workspace import STACK, StackHeld, StateFolder, held
from tools import packages, paths, stack
from tools.failures import Failure
from tools.progress import NO_PROGRESS
from tools.terminal import Step, Steps, console

ROOTS, ROLLOUT_SECONDS = "acme-roots.pem", 300
NAMESPACE = "journal"
SAID = {None: "no other is accepted", "accept": "servers accept the next one too", "use": "all use the next one"}
T = TypeVar("T")


def up() -> None:
    """Set up what is missing, start the cluster, deploy the stack, and say where it is."""
    overrides.effective(STACK, images.references())  # wrong settings end it here
    pulumi_programs.installed_cli()  # and a CLI that can't be used
    if named_context() is None:
        cluster.kubectl_path()  # and a Go that can't build the cluster
    with Steps() as steps:
        here, pulumi = _cluster(steps)
        deployment = deployment_on(here, pulumi)
        acme.forget_accounts(here)
        if acme.recover(here):
            console.print("  a certificate could not be issued before; it is asked for again")
        with steps.step("deploy the stack") as step:
            outputs, watcher = deployment.up(step)
        console.print(f"  {watcher.summary}")
        if watcher.changes:
            with steps.step("await the rollouts"):
                _await_rollouts(here)
        with steps.step("answer over HTTPS"):
            roots = _answer(here, outputs)
    show.tiers(here)
    show.address(outputs["url"], outputs["host"], outputs["address"], roots)


def build() -> None:
    """Build the programs and images that `up` runs, and start nothing."""
    with Steps() as steps:
        _programs(steps)


def rotate(name: str) -> None:
    """Give Redis its next password while it serves: each stage is deployed, and everyone is asked, before the next.

    Of a stack in AWS, one stage at a time: it is deployed as any change of its file.
    """
    path = stack.ROOT / f"Pulumi.{name}.yaml"
    stage = rotation.stage_of(name)
    if name != STACK and named_context() is None:
        raise Failure(f"Where stack {name} runs is not known.", "Name its context: KUBE_CONTEXT=CONTEXT.")
    here, pulumi = access(), None
    # A run before, or a person, may have written a stage that not everyone has: then it is the one to go on from.
    deployed = rotation.is_deployed(here, NAMESPACE, stage)
    if name != STACK and not deployed:
        raise Failure(f"{path.name} is not deployed: it has another stage of the password.", "Deploy it, then go on.")
    first, is_last = (
        True,
        stage[0] > 1 and stage[1] is None and not (deployed and not rotation.lagging(here, NAMESPACE)),
    )
    with Steps() as steps:
        if name == STACK:
            here, pulumi = _cluster(steps)
        while True:
            with steps.step(f"password {stage[0]}: {SAID[stage[1]]}") as step:
                if pulumi is not None:
                    deployment_on(here, pulumi).up(step, refresh=first)
                rotation.hurry(here, NAMESPACE)
                rotation.wait(lambda: rotation.lagging(here, NAMESPACE), step.step)
            if is_last:
                break
            stage, first = rotation.following(stage), False
            rotation.write(path, stage)
            is_last = stage[1] is None
            if name != STACK:
                then = "It is the last." if is_last else "Then run this again."
                console.print(f"Commit {path.name} and deploy it. {then}")
                return
    console.print(f"Redis has password {stage[0]}, and refuses the one before. Commit {path.name}.")


def preview(*, refresh: bool) -> None:
    """Show what `up` would change. refresh: ask the cluster first, which finds what was changed by hand."""
    with Steps() as steps, steps.step("preview") as step:
        watcher = deployment_here().preview(step, refresh=refresh)
    console.print(watcher.told(WOULD_BE))


def refresh() -> None:
    """Take into the state what the cluster has."""
    with Steps() as steps, steps.step("refresh") as step:
        watcher = deployment_here().refresh(step)
    console.print(watcher.summary)


def keeps_data() -> bool:
    """Whether `down` is to keep the volumes. Raises Failure where KEEP_DATA says neither."""
    said = os.environ.get("KEEP_DATA", "")
    if said not in ("", "0", "1"):
        hint = "KEEP_DATA=1 keeps the volumes for the next `make up`; without it, they are deleted."
        raise Failure(f"KEEP_DATA is {said!r}, and may be 1 or 0.", hint)
    if said == "1" and named_context() is not None:
        hint = (
            "There the storage class decides. To keep the data, set the reclaim policy of its volumes to Retain first."
        )
        raise Failure(
            "KEEP_DATA=1 keeps volumes of the cluster that `make up` builds, and KUBE_CONTEXT names another.", hint
        )
    return said == "1"


def down() -> None:
    """Destroy the stack, then the cluster where it was built here; KEEP_DATA=1 keeps the data of its volumes."""
    if keeps_data():
        _down_keeping_volumes()
        return
    own, folder = named_context() is None, StateFolder.of(named_context())
    forgotten = cluster.kept_volumes() if own else []
    with Steps() as steps:
        if folder.exists() and (not own or cluster.status().node is not None):
            with steps.step("destroy the stack") as step:
                try:
                    here = access()
                    deployment_on(here, pulumi_programs.build(step)).down(step)
                except StackHeld:
                    raise
                except (Failure, SettingsError) as error:
                    if not own:
                        hint = f"To forget the stack, remove {folder.root}: its objects stay in the cluster."
                        raise Failure(f"The stack could not be destroyed.\n{error}", hint) from error
                    console.print(f"  the stack could not be destroyed, and goes with its cluster: {error}")
        if own:
            with steps.step("stop the cluster"):
                cluster.stop(wipe=True)
            _forget(folder)
    shutil.rmtree(stack.STATE, ignore_errors=True)
    if forgotten:
        console.print(f"  what was kept of an earlier cluster is deleted: {show.volumes(forgotten)}")


def _down_keeping_volumes() -> None:
    """End the cluster as it is: destroying the stack would delete its claims, and the data with them."""
    folder = StateFolder.of(None)
    with Steps() as steps, held(folder), steps.step("stop the cluster"):
        cluster.stop(wipe=True, keep_volumes=True)
    _forget(folder)
    shutil.rmtree(stack.STATE, ignore_errors=True)
    show.kept(cluster.kept_volumes())


def _forget(folder: StateFolder) -> None:
    """The state of the stack whose cluster is gone."""
    folder.remove()
    (paths.state() / ROOTS).unlink(missing_ok=True)


def command(arguments: list[str]) -> NoReturn:
    """Run the Pulumi CLI on the stack, also while the cluster is gone: then the state is all there is to look at."""
    gone = stopped()
    here = access() if gone is None else gone
    deployment_on(here, pulumi_programs.build(NO_PROGRESS)).command(arguments, recover=gone is None)


def deployment_here() -> Deployment:
    """Stack `local` on the cluster that runs. Raises Failure."""
    return deployment_on(access(), pulumi_programs.build(NO_PROGRESS))


def deployment_on(here: Access, pulumi: PulumiPrograms, **changes: Any) -> Deployment:
    """Stack `local` on a cluster, some of its settings changed."""
    config = effective_config(here) | {f"{stack.PROJECT}:{key}": value for key, value in changes.items()}
    return Deployment(here, pulumi, config, StateFolder.of(here.context))


def effective_config(here: Access) -> dict[str, Any]:
    """The stack's config with what this machine knows beside its file."""
    config = stack.read(STACK)
    routes = (config.get(f"{stack.PROJECT}:ingress") or {}).get("routes", "ingress")
    workflows = config.get(f"{stack.PROJECT}:workflows") is not None
    return overrides.effective(
        STACK,
        images.references(),
        kubeconfig=here.kubeconfig,
        context=here.context,
        chart=cluster.chart_path() if here.own else None,
        own_cluster=here.own,
        gateway_crds=gateway.definitions() if here.own and routes != "ingress" else None,
        workflow_crds=cluster.argo_definitions() if here.own and workflows else None,
    )


def _cluster(steps: Steps) -> tuple[Access, PulumiPrograms]:
    """The cluster with the images of this checkout, and the programs that deploy to it."""
    return _own_cluster(steps) if named_context() is None else _existing_cluster(steps)


def _programs(steps: Steps) -> tuple[cluster.Programs, PulumiPrograms, list[Path]]:
    """Kubernetes, Pulumi, and the archives of the images."""
    _install_packages(steps)
    with ThreadPoolExecutor(3) as pool:  # building images waits for the network, building programs for the processor
        kubernetes = pool.submit(lambda: _build(steps, "Kubernetes", cluster.build))
        pulumi = pool.submit(lambda: _build(steps, "Pulumi", pulumi_programs.build))
        archives = pool.submit(lambda: _build(steps, "images", images.build))
    return kubernetes.result(), pulumi.result(), list(archives.result().values())


def _own_cluster(steps: Steps) -> tuple[Access, PulumiPrograms]:
    programs, found, archived = _programs(steps)
    config = overrides.effective(STACK, {}, own_cluster=True)
    if config.get(f"{stack.PROJECT}:cluster", {}).get("metricsServer"):
        archived.append(_build(steps, "metrics-server", cluster.build_metrics_server))
    if config.get(f"{stack.PROJECT}:workflows") is not None:
        archived += _build(steps, "Argo Workflows", cluster.build_argo)
    with steps.step("start the cluster") as step:
        cluster.start(programs, step)
    if found_volumes := cluster.kept_volumes():
        console.print(f"  data that KEEP_DATA=1 kept is taken up: {show.volumes(found_volumes)}")
    if not cluster.volumes_limited():
        console.print("  volumes have no size limit: this machine has no loop devices, or no XFS")
    with steps.step("import images") as step:
        cluster.import_images([*cluster.static_images(), *archived], step)
    return access(), found


def _existing_cluster(steps: Steps) -> tuple[Access, PulumiPrograms]:
    """The cluster that KUBE_CONTEXT names. Only its owner can bring images to its nodes."""
    here = access()
    if any(overrides.built_here(stack.read(STACK), tier) for tier in images.references()):
        _install_packages(steps)
        console.print(
            "  The nodes need these images (kind: `kind load image-archive FILE`; k3s: `k3s ctr images import FILE`):"
        )
        for archive in _build(steps, "images", images.build).values():
            console.print(f"    {archive}", soft_wrap=True)
    return here, _build(steps, "Pulumi", pulumi_programs.build)


def _install_packages(steps: Steps) -> None:
    missing = packages.missing_packages()
    if not missing:
        return
    with steps.step("install Debian packages") as step:
        step.step(", ".join(missing))
        packages.install(missing)


def _build(steps: Steps, what: str, build: Callable[[Step], T]) -> T:
    with steps.step(f"build {what}") as step:
        return build(step)


def _await_rollouts(here: Access) -> None:
    """Wait until no pod of an older version is left: Pulumi may end an update of what had drifted before that."""
    for item in here.json("get", "deployments,statefulsets", "-A", "-l", show.PART_OF)["items"]:
        metadata = item["metadata"]
        which = f"{item['kind'].lower()}/{metadata['name']}"
        here.run("-n", metadata["namespace"], "rollout", "status", which, f"--timeout={ROLLOUT_SECONDS}s")


def _answer(here: Access, outputs: dict[str, Any]) -> Path:
    """The file of ACME roots, once the journal answers with a certificate of theirs.

    Leaves `.state/local.json` for tests.
    """
    url, host, address = outputs["url"], outputs["host"], outputs["address"]
    remembered = paths.state() / ROOTS
    acme.trust(here, host, address, remembered)
    stack.STATE.mkdir(exist_ok=True)
    roots = stack.STATE / ROOTS
    shutil.copyfile(remembered, roots)
    with acme.client(url, address, roots) as client:
        answer = acme.ask(client, "/api")
    somebody_must_sign_in = answer.status_code == 401 and "www-authenticate" in answer.headers
    if answer.status_code != 200 and not somebody_must_sign_in:
        raise Failure(f"{url}/api answers {answer.status_code}: {answer.text[:200]}", "See `make logs TIER=frontend`.")
    found = {"url": url, "address": address, "ca": str(roots)}
    (stack.STATE / "local.json").write_text(json.dumps(found, indent=2) + "\n")
    return roots
