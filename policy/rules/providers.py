"""Providers: every resource names one, and AWS's are for one account."""

import json
from collections.abc import Iterator

from policy.rules.model import Message, Rule, given
from tools.resource import Resource

AWS = "pulumi:providers:aws"


def _explicit(r: Resource) -> Iterator[Message]:
    if r.provider is None or r.provider.name.startswith("default"):
        yield f"takes {r.package}'s default provider, from whatever credentials are around: inherit or name one"


def _one_account(r: Resource) -> Iterator[Message]:
    accounts = r.inputs.get("allowedAccountIds")
    if not given(json.loads(accounts) if isinstance(accounts, str) else accounts):
        yield "works with credentials of any account: set allowedAccountIds to the stack's"
    if not given(r.inputs.get("region")):
        yield "takes its region from the environment: set region"


RULES = [
    Rule(
        name="explicit-provider",
        description="Every resource names its provider.",
        types=["aws:", "kubernetes:", "random:"],
        check=_explicit,
    ),
    Rule(
        name="one-account",
        description="A stack's AWS provider refuses other accounts, and knows its region.",
        types=[AWS],
        check=_one_account,
    ),
]
