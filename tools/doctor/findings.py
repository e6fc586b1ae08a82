"""What the doctor finds: a verdict on each subject, with a remedy, and the report of them all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum


class Verdict(IntEnum):
    """UNKNOWN: it could not be asked. WARNING: it may fail, or later. PROBLEM: a deployment now fails for certain."""

    OK = 0
    UNKNOWN = 1
    WARNING = 2
    PROBLEM = 3


@dataclass(frozen=True)
class Finding:
    """subject: what was looked at. says: what was found there. remedy: what to do; empty where all is well."""

    subject: str
    verdict: Verdict
    says: str
    remedy: str = ""


@dataclass(frozen=True)
class QuotaFinding(Finding):
    """A finding on a quota, with its figures as text: what the stacks need, what is in use, and the quota."""

    needs: str = ""
    all_need: str = ""
    used: str = ""
    limit: str = ""


@dataclass(frozen=True)
class Report:
    """What was found for the stacks of one account and region.

    asked: whether the account answered; without it, `quotas` compares with AWS's defaults.
    """

    title: str
    asked: bool
    quotas: Sequence[QuotaFinding] = field(default_factory=list)
    findings: Sequence[Finding] = field(default_factory=list)

    @property
    def to_do(self) -> list[Finding]:
        """All that is not well, the worst last."""
        found = [f for f in (*self.findings, *self.quotas) if f.verdict is not Verdict.OK]
        return sorted(found, key=lambda f: f.verdict)

    @property
    def fails(self) -> bool:
        """Whether a deployment now fails for certain."""
        return any(f.verdict is Verdict.PROBLEM for f in self.to_do)
