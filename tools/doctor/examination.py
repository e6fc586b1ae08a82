"""The examination: who is asked what, all at once, and what comes of it for each account and region."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import Any

from components.settings import SharedSettings
from tools import stack
from tools.doctor import checks, demand, name_servers, quotas, stacks, usage
from tools.doctor.account import (
    CONNECTIONS,
    GLOBAL_REGION,
    Account,
    Asks,
    BadCredentials,
    CouldNotAsk,
    NotThere,
    sign_in,
)
from tools.doctor.findings import Finding, QuotaFinding, Report, Verdict
from tools.doctor.quotas import Amount, Quota, Slot, Usage
from tools.doctor.stacks import Stack
from tools.progress import Progress
from tools.terminal import Steps

Open = Callable[[str], Asks | None]
"""Opens the account in a region; None where there are no credentials. Raises BadCredentials."""
Check = Callable[[], Any]
NOT_ASKED = Finding(
    "account",
    Verdict.UNKNOWN,
    "nothing was asked: the figures are AWS's defaults for a new account",
    "With credentials it compares with the account's own quotas and usage, and asks after versions of Kubernetes and "
    "add-ons, zones, instance types, roles, images, name servers, and Pulumi's bucket and key.",
)


def nobody(_region: str) -> None:
    """Opens no account."""


def signed_in() -> Open:
    """Opens the account of the credentials that the AWS CLI would use."""
    session = sign_in()
    return nobody if session is None else partial(Account, session)


def examine(
    names: Sequence[str], steps: Steps, *, offline: bool = False, sign: Callable[[], Open] = signed_in
) -> list[Report]:
    """A report for each account and region of these stacks.

    offline: whether nobody is asked. sign: gets the credentials. Raises Failure for a stack that is not in AWS.
    """
    for name in names:
        stacks.require_in_aws(name)
    refused: BadCredentials | None = None
    try:
        opened = nobody if offline else sign()
    except BadCredentials as error:
        opened, refused = nobody, error
    with steps.step("Recording what the stacks need") as step:
        every: list[Stack] = []
        known = dict.fromkeys([*names, *stack.in_aws()])
        for number, name in enumerate(known):
            step.step(name, number, len(known))
            every.append(stacks.load(name))
    places: dict[tuple[str, str], list[Stack]] = defaultdict(list)
    for each in every:
        if each.name in names:
            places[each.account, each.region].append(each)
    reports: list[Report] = []
    for (account, region), asked in places.items():
        title = f"Asking account {account} in {region}" if opened is not nobody else "Comparing with AWS's defaults"
        with steps.step(title) as step:
            reports.append(_Examination(asked, every).report(opened, refused, step))
    return reports


class _Examination:
    """Of the stacks of one account and region, beside all others of that account."""

    def __init__(self, asked: Sequence[Stack], every: Sequence[Stack]) -> None:
        self._asked = asked
        self._account, self._region = asked[0].account, asked[0].region
        self._every = [each for each in every if each.account == self._account]
        self._title = f"{', '.join(each.name for each in asked)} in account {self._account}, {self._region}"

    def report(self, opened: Open, refused: BadCredentials | None, progress: Progress) -> Report:
        first: list[Finding] = []
        try:
            if refused:
                raise refused
            account = opened(self._region)
            first += [NOT_ASKED] if account is None else self._who(account)
            if account is not None and all(finding.verdict is not Verdict.PROBLEM for finding in first):
                return self._asking(account, first, progress)
        except BadCredentials as error:
            first = [_bad(error)]
        except CouldNotAsk as error:
            first = [Finding("account", Verdict.UNKNOWN, f"could not ask: {error}", "Try it again.")]
        return Report(self._title, asked=False, quotas=list(self._quotas({}, {}).values()), findings=first)

    def _who(self, account: Asks) -> list[Finding]:
        """Whose credentials these are, and whether the region is enabled: without that, no other answer counts."""
        caller = account.ask("sts", "GetCallerIdentity", region=GLOBAL_REGION)
        if caller["Account"] != self._account:
            says = f"the credentials are those of {caller['Arn']}, and not of account {self._account}"
            remedy = f"Take credentials of account {self._account}, or correct aws.account in the stack's file."
            return [Finding("account", Verdict.PROBLEM, says, remedy)]
        found = [Finding("account", Verdict.OK, f"asked as {caller['Arn']}")]
        try:
            return [*found, checks.region_enabled(account, self._region)]
        except CouldNotAsk as error:
            return [*found, *_unknown({f"region {self._region}": error})]

    def _asking(self, account: Asks, first: Sequence[Finding], progress: Progress) -> Report:
        needed = {slot.quota for each in self._asked for slot in each.demand}
        limits = {quota: partial(usage.limit, account, quota) for quota in quotas.QUOTAS if quota in needed}
        used = {q: partial(q.ask, account) for q in usage.QUESTIONS if needed.intersection(q.about)}
        looks = self._checks(account)
        tasks: dict[Any, Check] = {**limits, **used, **looks}
        answers, failures = _at_once(tasks, progress)
        in_use: dict[Quota, Mapping[Slot, Usage]] = {
            quota: answers[question] for question in used if question in answers for quota in question.about
        }
        unknown = {f"quota of {quota.name}": failures[quota] for quota in limits if quota in failures}
        unknown |= {question.name: failures[question] for question in used if question in failures}
        unknown |= {name: failures[name] for name in looks if name in failures}
        denied = {name: error for name, error in unknown.items() if isinstance(error, CouldNotAsk)}
        bad = [error for error in unknown.values() if isinstance(error, BadCredentials)]
        found = [finding for name in looks if name in answers for finding in answers[name]]
        others = sorted({t for each in self._asked for t in demand.other_instances(each.resources)})
        if others:
            remedy = f"aws service-quotas list-service-quotas --service-code ec2 --region {self._region}"
            says = "not compared: only the quotas of Standard instances are"
            found.append(Finding(f"quota of {', '.join(others)}", Verdict.UNKNOWN, says, remedy))
        quota_findings = self._quotas({q: answers[q] for q in limits if q in answers}, in_use)
        return Report(
            self._title,
            asked=True,
            quotas=list(self._awaited(account, quota_findings, progress).values()),
            findings=list(dict.fromkeys([*first, *found, *_unknown(denied), *map(_bad, bad[:1])])),
        )

    def _quotas(
        self, limits: Mapping[Quota, float], used: Mapping[Quota, Mapping[Slot, Usage]]
    ) -> dict[Slot, QuotaFinding]:
        """By slot. Those of quotas for each resource that fit are left out: they are many, and say nothing."""
        found: dict[Slot, QuotaFinding] = {}
        order = {quota: number for number, quota in enumerate(quotas.QUOTAS)}
        slots = {slot for each in self._asked for slot in each.demand}
        for slot in sorted(slots, key=lambda s: (order[s.quota], s.where)):
            asked, every = self._needs(slot, self._asked), self._needs(slot, self._sharing(slot.quota))
            usage_there = used[slot.quota].get(slot, Usage(0)) if slot.quota in used else None
            finding = quotas.compare(slot, asked, every, usage_there, limits.get(slot.quota), self._region)
            if slot.quota.of != "each" or finding.verdict is not Verdict.OK:
                found[slot] = finding
        return found

    def _awaited(
        self, account: Asks, found: Mapping[Slot, QuotaFinding], progress: Progress
    ) -> dict[Slot, QuotaFinding]:
        """The findings; where an increase was asked for already, the remedy says so."""
        short = {slot.quota for slot, finding in found.items() if finding.verdict is not Verdict.OK}
        requests, _ = _at_once({quota: partial(usage.requested, account, quota) for quota in short}, progress)
        return {
            slot: quotas.awaiting(finding, requests[slot.quota])
            if finding.verdict is not Verdict.OK and requests.get(slot.quota)
            else finding
            for slot, finding in found.items()
        }

    def _needs(self, slot: Slot, among: Iterable[Stack]) -> dict[str, Amount]:
        return {each.environment: each.demand[slot] for each in among if slot in each.demand}

    def _sharing(self, quota: Quota) -> Sequence[Stack]:
        """The stacks that a quota counts together."""
        if quota.of == "each":
            return self._asked
        return [each for each in self._every if quota.of == "account" or each.region == self._region]

    def _checks(self, account: Asks) -> dict[str, Check]:
        """All that is asked besides quotas, by what it is about. What several stacks share is asked once."""
        tasks: dict[str, Check] = {}
        for each in self._asked:
            shared = stacks.shared_of(self._every, each)
            if shared is not None and isinstance(shared.settings, SharedSettings):
                tasks |= self._shared_checks(account, each, shared, shared.settings)
            if not each.is_shared:
                tasks |= self._cluster_checks(account, each)
        return tasks

    def _shared_checks(self, account: Asks, each: Stack, shared: Stack, settings: SharedSettings) -> dict[str, Check]:
        state, region = settings.pulumi_state, shared.region
        names = [one.name for one in self._asked]
        tasks: dict[str, Check] = {
            f"bucket {state.bucket}": partial(checks.state_bucket, account, state, region, names),
            f"key {state.key_alias}": partial(checks.state_key, account, state, region),
            f"domain {settings.domain}": partial(
                name_servers.check, account, settings.domain, is_shared=all(one.is_shared for one in self._asked)
            ),
        }
        if not each.is_shared:
            repositories = settings.registry.repositories
            tasks["stack shared"] = partial(checks.repositories, account, repositories, region)
        return tasks

    def _cluster_checks(self, account: Asks, each: Stack) -> dict[str, Check]:
        version = each.cluster.control_plane.version
        today = datetime.datetime.now(datetime.UTC).date()
        tasks: dict[str, Check] = {
            f"Kubernetes {version} ({each.name})": partial(checks.kubernetes_version, account, each, today),
            f"zones of {each.name}": partial(checks.zones, account, each),
            f"instance types of {each.name}": partial(checks.instance_types, account, each),
        }
        for name, pinned in each.add_ons.items():
            tasks[f"add-on {name} {pinned} for {version}"] = partial(checks.add_on, account, each, name, pinned)
        for arn in each.principals:
            tasks[f"principal {arn}"] = partial(checks.principal, account, arn, self._account)
        for image in each.images:
            tasks[f"image {image}"] = partial(checks.image, account, image, each)
        return tasks


def _at_once(tasks: Mapping[Any, Check], progress: Progress) -> tuple[dict[Any, Any], dict[Any, Exception]]:
    """What the tasks return, and the errors of those that got no answer."""
    answers: dict[Any, Any] = {}
    failures: dict[Any, Exception] = {}
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        running = {pool.submit(task): key for key, task in tasks.items()}
        for done, future in enumerate(as_completed(running), 1):
            key = running[future]
            progress.step(key if isinstance(key, str) else key.name, done, len(running))
            try:
                answers[key] = future.result()
            except (CouldNotAsk, BadCredentials) as error:
                failures[key] = error
            except NotThere as error:
                failures[key] = CouldNotAsk(f"AWS has no such thing: {error}")
            except KeyError as error:
                failures[key] = CouldNotAsk(f"the answer has no {error}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return answers, failures


def _unknown(failures: Mapping[str, Exception]) -> list[Finding]:
    """A finding for each reason, with all that it kept from being known."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, error in failures.items():
        reasons[str(error)].append(name)
    remedy = "The managed policy ReadOnlyAccess has every permission that the doctor needs."
    return [
        Finding(", ".join(names), Verdict.UNKNOWN, f"could not ask: {why}", remedy if why.startswith("needs ") else "")
        for why, names in reasons.items()
    ]


def _bad(error: BadCredentials) -> Finding:
    return Finding("credentials", Verdict.PROBLEM, str(error), error.remedy)
