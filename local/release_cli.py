"""The commands behind `make release`."""

from enum import StrEnum
from typing import Annotated

import typer

from tools.failures import Failure, failures
from tools.terminal import console

app = typer.Typer(
    no_args_is_help=True,
    help="Release a tier: each command changes the stack's file, and deploys it where the stack is `local`.",
)
Tier = Annotated[str, typer.Option(help="frontend or fileserver.")]
Stack = Annotated[str, typer.Option(help="The stack. Of one in AWS, commit the file and deploy it as any change.")]


class Strategy(StrEnum):
    """The strategies by which a candidate runs beside the current version."""

    CANARY = "canary"
    BLUE_GREEN = "blueGreen"


class By(StrEnum):
    """What gives a canary its share."""

    PODS = "pods"
    WEIGHT = "weight"


def _run(stack: str, tier: str, change, say: str) -> None:  # noqa: ANN001
    from local import lifecycle, releases
    from local.pulumi.workspace import STACK

    path = releases.apply(stack, tier, change)
    console.print(say)
    if stack != STACK:
        console.print(f"Commit {path.name} and deploy it.")
        return
    try:
        lifecycle.up()
    except Failure as failure:
        hint = "What served goes on serving. `make release ARGS=abort` takes a candidate away, `undo` an image."
        raise Failure(f"The release did not succeed.\n{failure}", hint) from failure


@app.command()
def start(
    image: Annotated[str, typer.Argument(help="By default, in stack local, what this checkout makes.")] = "",
    strategy: Annotated[Strategy, typer.Option(help="How the candidate runs.")] = Strategy.CANARY,
    share: Annotated[int | None, typer.Option(help="The percentage that a canary gets. By default 25.")] = None,
    by: Annotated[By | None, typer.Option(help="Whether its pods or its weight at the gateway give the share.")] = None,
    tier: Tier = "frontend",
    stack: Stack = "local",
) -> None:
    """Run a candidate beside the version that serves."""
    from local import images, releases
    from local.access import access
    from local.pulumi.workspace import STACK

    with failures():
        releases.check_tier(tier)
        current = None
        if not image and stack != STACK:
            raise Failure("Which image?", "make release ARGS='start journal/frontend:v1.1.0 --stack prod'")
        if stack == STACK:
            image = image or images.references()[tier]
            current = max(releases.history(access(), tier)).image
            if image == current:
                raise Failure(
                    f"{image} runs already, and this checkout makes no other.", f"Change apps/{tier}, or name an image."
                )
        change = releases.start(image, strategy=strategy.value, share=share, by=by and by.value, current=current)
        _run(stack, tier, change, f"{image} is the candidate.")


@app.command()
def share(percent: int, tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Give a canary's candidate this percentage: 25, 50, 75, 100; by weight also 5."""
    from local import releases

    with failures():
        _run(stack, tier, releases.share(percent), f"The candidate gets {percent} %.")


@app.command()
def switch(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Blue/green: lead all requests to the candidate, at once."""
    from local import releases

    with failures():
        _run(stack, tier, releases.live("candidate"), "Requests go to the candidate.")


@app.command()
def back(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Blue/green: lead all requests to the current version again, at once."""
    from local import releases

    with failures():
        _run(stack, tier, releases.live("current"), "Requests go to the current version.")


@app.command()
def promote(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Make the candidate the current version."""
    from local import images, releases
    from local.pulumi.workspace import STACK

    with failures():
        found = releases.tier_of(stack, tier)
        if found.release.live == "candidate" and found.release.candidate != found.image:
            _run(stack, tier, releases.promote_behind(), "The current version becomes the candidate's image.")
            if stack != STACK:
                console.print("Then run this again.")
                return
        change = releases.promote(images.references()[tier])
        _run(stack, tier, change, "The candidate becomes the current version.")


@app.command()
def abort(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Take the candidate away."""
    from local import releases

    with failures():
        _run(stack, tier, releases.abort(), "The candidate goes.")


@app.command()
def history(tier: Tier = "frontend") -> None:
    """The versions that the tier's Deployment has had, as the cluster remembers them."""
    from local import releases, show
    from local.access import access

    with failures():
        show.revisions(tier, releases.history(access(), tier))


@app.command()
def undo(
    revision: Annotated[int | None, typer.Argument(help="By default the one before.")] = None,
    tier: Tier = "frontend",
    stack: Stack = "local",
) -> None:
    """Go back to the image of an earlier revision; `history` has their numbers."""
    from local import releases
    from local.access import access

    with failures():
        _run(stack, tier, releases.undo(releases.history(access(), tier), revision), "An earlier image returns.")


@app.command()
def scale(replicas: int, tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Give the tier this many pods."""
    from local import releases

    with failures():
        _run(stack, tier, releases.scale(replicas), f"The tier gets {replicas} pods.")


@app.command()
def pause(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Let rollouts rest: pods stay as they are, whatever changes."""
    from local import releases

    with failures():
        _run(stack, tier, releases.pause(True), "Rollouts rest.")


@app.command()
def resume(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Let rollouts go on."""
    from local import releases

    with failures():
        _run(stack, tier, releases.pause(False), "Rollouts go on.")


@app.command()
def restart(tier: Tier = "frontend", stack: Stack = "local") -> None:
    """Replace every pod by one that is alike."""
    from local import releases

    with failures():
        _run(stack, tier, releases.restart(), "Every pod is replaced.")
