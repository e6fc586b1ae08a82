"""From a fresh machine to a served journal, and back to nothing."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local import acme, apt, cluster, deploy, images, packages, show
from local.access import Access, access, named_context
from local.events import Watcher
from tools import paths, stack
from tools.failures import Failure
from tools.terminal import Steps, console

STACK = "local"
ROOTS = "acme-roots.pem"


def up() -> None:
    """Set up what is missing, start the cluster, deploy the stack, and say where it is."""
    overrides.effective(STACK, overrides.Overrides(images=images.references()))  # wrong settings end it here
    deploy.chosen_engine()  # and a wrong ENGINE
    with Steps() as steps:
        here = _own_cluster(steps) if named_context() is None else _existing_cluster(steps)
        config = overrides.effective(STACK, overrides(here))
        chosen = deploy.deployment(here, STACK, config)
        if acme.recover(here):
            console.print("  a certificate could not be issued before; it is asked for again")
        with steps.step("deploy the stack") as step:
            watcher = Watcher(step)
            outputs = chosen.up(watcher)
        if sum(watcher.counts.values()):
            console.print(f"  {watcher.summary()}")
        with steps.step("answer over HTTPS"):
            roots = _answer(here, outputs)
    show.tiers(here)
    show.address(outputs["url"], outputs["host"], outputs["address"], roots)


def preview() -> None:
    """Show what `up` would change."""
    here = access()
    config = overrides.effective(STACK, overrides(here))
    with Steps() as steps, steps.step("preview") as step:
        watcher = Watcher(step)
        deploy.deployment(here, STACK, config).preview(watcher)
    if sum(watcher.counts.values()):
        console.print(watcher.summary().replace("created", "to create").replace("updated", "to update"))


def down() -> None:
    """Remove the stack, then the cluster where it was built here."""
    with Steps() as steps:
        if named_context() is not None or cluster.status().node is not None:
            here = access()
            with steps.step("remove the stack") as step:
                deploy.deployment(here, STACK, overrides.effective(STACK, overrides(here))).down(Watcher(step))
        if named_context() is None:
            with steps.step("stop the cluster"):
                cluster.stop(wipe=True)
            (paths.state() / ROOTS).unlink(missing_ok=True)
    shutil.rmtree(stack.STATE, ignore_errors=True)


def _own_cluster(steps: Steps) -> Access:
    _install_packages(steps)
    with ThreadPoolExecutor(2) as pool:  # building images waits for the network, building programs for the processor
        built = pool.submit(_build_programs, steps)
        made = pool.submit(_build_images, steps)
        programs, archives = built.result(), made.result()
    with steps.step("start the cluster") as step:
        cluster.start(programs, step)
    with steps.step("import images") as step:
        cluster.import_images([*cluster.static_images(), *archives], step)
    return access()


def _existing_cluster(steps: Steps) -> Access:
    """The cluster that KUBE_CONTEXT names. Only its owner can bring images to its nodes."""
    here = access()
    if any(overrides.built_here(stack.read(STACK), tier) for tier in images.references()):
        _install_packages(steps)
        console.print(
            "  The nodes need these images (kind: `kind load image-archive FILE`; k3s: `k3s ctr images import FILE`):"
        )
        for archive in _build_images(steps):
            console.print(f"    {archive}", soft_wrap=True)
    return here


def _install_packages(steps: Steps) -> None:
    missing = packages.missing_packages()
    if not missing:
        return
    with steps.step("install Debian packages") as step:
        step.step(", ".join(missing))
        apt.install(missing)


def _build_programs(steps: Steps) -> cluster.Programs:
    with steps.step("build Kubernetes") as step:
        return cluster.build(step)


def _build_images(steps: Steps) -> list[Path]:
    with steps.step("build images") as step:
        return list(images.build(step).values())


def overrides(here: Access) -> overrides.Overrides:
    """What this machine knows of the stack beside its file."""
    if not here.own:
        return overrides.Overrides(kubeconfig=here.kubeconfig, context=here.context, images=images.references())
    return overrides.Overrides(kubeconfig=here.kubeconfig, chart=cluster.chart_path(), images=images.references())


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
        answer = client.get("/api")
    if answer.status_code != 200:
        raise Failure(f"{url}/api answers {answer.status_code}: {answer.text[:200]}", "See `make logs TIER=frontend`.")
    found = {"url": url, "address": address, "ca": str(roots)}
    (stack.STATE / "local.json").write_text(json.dumps(found, indent=2) + "\n")
    return roots
