"""Settings of the sign-in: what needs a token, and the tier that makes them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.settings.application import Resources
from components.settings.values import ImageReference, Model


class LoginSettings(Model):
    """The sign-in: a tier of its own behind `/auth`, whose tokens the API verifies."""

    image: ImageReference
    """The container image of the sign-in, pinned by a tag other than `latest` or by a digest.

    In AWS it is named without a registry, such as journal/auth:v1.0.0, and comes from the registry of the shared stack.
    https://kubernetes.io/docs/concepts/containers/images/
    """
    replicas: int = Field(default=2, ge=2, le=20)
    """The number of pods of the sign-in; at least 2, so that one can be replaced without an outage.

    Each counts attempts by itself, so of a password that is guessed n pods let n times as many through.
    """
    resources: Resources
    """The CPU and memory of each pod of the sign-in."""
    writes: bool = True
    """Whether writes need a token. By default they do.

    With false people can sign in, and nothing needs it: deploy that first, add users, then leave the key out.
    """
    reads: Literal["open", "signedIn"] = "open"
    """Whether reads need a token: `signedIn`, or by default `open`, for everybody. It excludes `writes: false`."""
    session_minutes: int = Field(default=60, ge=5, le=720)
    """How many minutes a token is valid. By default 60.

    A token can't be taken back: that long, a user who was removed may still write. https://www.rfc-editor.org/rfc/rfc8725
    """
    key_generation: int = Field(default=1, ge=1)
    """The number of the key that signs. By default 1; count it up by one to rotate.

    The keys before and after it verify too, so a token outlives one rotation: wait `sessionMinutes` before the next.
    Two at once refuse all tokens of the key before, such as one that leaked. https://www.rfc-editor.org/rfc/rfc7517
    """

    @model_validator(mode="after")
    def _reads_need_writes(self) -> Self:
        if self.reads == "signedIn" and not self.writes:
            raise ValueError(
                "reads signedIn with writes false: nobody may read what everybody may change; leave out writes"
            )
        return self
