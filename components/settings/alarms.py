"""Settings of alarms: who is told when the journal is unwell, and where it stands what to do."""

from typing import Annotated

from pydantic import Field, field_validator

from components.settings.values import Email, Model, has_no_mailboxes


def mailbox(email: str) -> str:
    """The address, where mail may come to it. Raises ValueError."""
    domain = email.rpartition("@")[2].lower()
    if has_no_mailboxes(domain):
        raise ValueError(f"no mail comes to {domain}; name a mailbox that exists")
    return email


class AlarmSettings(Model):
    """Alarms of a stack in AWS: mail about the journal, with a link to the runbook."""

    email: Email
    """The mailbox that gets the alarms. AWS sends it a mail to confirm once.

    https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
    """
    runbooks: Annotated[str, Field(pattern=r"^https://[^\s#]+$")]
    """The address of docs/runbooks.md as its readers see it; each alarm links to a heading there.

    https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
    """

    @field_validator("email")
    @classmethod
    def _mailbox_exists(cls, email: str) -> str:
        return mailbox(email)
