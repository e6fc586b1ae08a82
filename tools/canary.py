"""Judges a canary by what both versions answer: `python3 -m tools.canary watch`. Needs kubectl and the AWS CLI alone.

Requests and 5xx are counted from the pods' own metrics, read inside each pod: the load balancer forwards TCP and counts
no status, and no network policy lets anybody else in. Alarms of CloudWatch are those whose names begin with a prefix.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

NAMESPACE, TIER, CONTAINER = "journal", "frontend", "frontend"
COUNT = re.compile(r'^journal_http_request_duration_seconds_count\{.*status="(\d+)".*\} (\S+)$', re.MULTILINE)
READ = "from urllib.request import urlopen; print(urlopen('http://localhost:8081/metrics', timeout=5).read().decode())"
WAIT_SECONDS = 15


class Verdict(StrEnum):
    """What to do with a canary, by the exit status of `watch`: 0, 3, 4."""

    GO_ON = "go on"
    WAIT = "wait"
    ABORT = "abort"


STATUS = {Verdict.GO_ON: 0, Verdict.ABORT: 3, Verdict.WAIT: 4}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the pods of one version answered: all requests, and those among them with a 5xx."""

    requests: int = 0
    errors: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(requests=self.requests + other.requests, errors=self.errors + other.errors)


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """requests: how many a candidate answers before anything is said for it.

    share: by how much its share of 5xx may exceed the current version's, and what share is too high for both.
    """

    requests: int = 200
    share: float = 0.01


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    verdict: Verdict
    reason: str


def decide(current: Counts, candidate: Counts, alarms: Mapping[str, str], limits: Thresholds) -> Decision:
    """What to do with a canary after a window of time. alarms: state (OK, ALARM, INSUFFICIENT_DATA) by name.

    Errors are judged as if the candidate had answered `limits.requests` at least, the rest well: a few errors among few
    requests abort nothing, and many do at once. Where both versions fail alike the cause lies elsewhere: it is waited
    for, as alarms are, and as more requests are. An alarm without data says nothing of what it watches.
    """
    usual = current.errors / max(current.requests, limits.requests)
    share = candidate.errors / max(candidate.requests, limits.requests)
    shares = f"{_share(candidate)} of the candidate's answers are 5xx, {_share(current)} of the current version's"
    if share - usual > limits.share:
        return Decision(Verdict.ABORT, f"{shares}.")
    if candidate.requests < limits.requests:
        return Decision(Verdict.WAIT, f"The candidate has answered {candidate.requests} of {limits.requests} requests.")
    if share > limits.share:
        return Decision(Verdict.WAIT, f"Both versions fail: {shares}.")
    if worse := sorted(f"{name} ({state})" for name, state in alarms.items() if state != "OK"):
        return Decision(Verdict.WAIT, f"Alarms: {', '.join(worse)}.")
    return Decision(Verdict.GO_ON, f"{shares}; {len(alarms)} alarms are OK.")


def _share(counts: Counts) -> str:
    return "none" if counts.requests == 0 else f"{100 * counts.errors / counts.requests:.3g} % of {counts.requests}"


def parse(metrics: str) -> Counts:
    """What one pod has answered since it started, by the text of its metrics."""
    found = [(int(status), int(float(count))) for status, count in COUNT.findall(metrics)]
    return Counts(
        requests=sum(count for _, count in found), errors=sum(count for status, count in found if status >= 500)
    )


Reading = Mapping[str, Counts]
"""What each pod of one version has answered since it started, by the pod."""


def between(before: Reading, after: Reading) -> Counts:
    """What a version answered between two readings. A pod that counts less than before has started anew."""
    total = Counts()
    for pod, now in after.items():
        then = before.get(pod, Counts())
        if then.requests > now.requests:
            then = Counts()
        total += Counts(requests=now.requests - then.requests, errors=max(0, now.errors - then.errors))
    return total


Run = Callable[..., str]
"""Runs a command and gives what it prints. Raises CalledProcessError."""


def read(run: Run, version: str) -> Reading:
    """A reading of the version whose Deployment has this name. A pod that can't be asked has answered nothing."""
    kubectl = ("kubectl", "-n", NAMESPACE)
    selector = f"app.kubernetes.io/name={version}"
    names = run(*kubectl, "get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}").split()
    reading: dict[str, Counts] = {}
    for name in names:
        try:
            reading[name] = parse(run(*kubectl, "exec", name, "-c", CONTAINER, "--", "python3", "-c", READ))
        except subprocess.CalledProcessError:
            continue
    return reading


def read_alarms(run: Run, prefix: str | None) -> Mapping[str, str]:
    """States of CloudWatch's alarms, by name."""
    if prefix is None:
        return {}
    query = "MetricAlarms[].[AlarmName,StateValue]"
    command = ("aws", "cloudwatch", "describe-alarms", "--alarm-name-prefix", prefix, "--query", query)
    return dict(json.loads(run(*command, "--output", "json")))


def watch(
    run: Run,
    *,
    minutes: float,
    patience: float,
    prefix: str | None,
    limits: Thresholds,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Decision:
    """Reads both versions until the candidate is to be aborted, or has done well for `minutes`.

    After `patience` more minutes of waiting it says so. Each decision that differs from the last is printed.
    """
    versions = TIER, f"{TIER}-candidate"
    before, start, said = [read(run, version) for version in versions], clock(), ""
    while True:
        sleep(WAIT_SECONDS)
        current, candidate = (between(b, read(run, v)) for b, v in zip(before, versions, strict=True))
        decision, passed = decide(current, candidate, read_alarms(run, prefix), limits), (clock() - start) / 60
        if decision.reason != said:
            said = decision.reason
            print(f"{passed:.1f} min: {decision.verdict}. {said}", flush=True)
        if decision.verdict == Verdict.ABORT or passed >= minutes + patience:
            return decision
        if decision.verdict == Verdict.GO_ON and passed >= minutes:
            return decision


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tools.canary", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    watched = commands.add_parser("watch", help="status 0: go on; 3: abort; 4: waited in vain")
    watched.add_argument("--minutes", type=float, default=10, help="how long the candidate must do well")
    watched.add_argument("--patience", type=float, default=30, help="how much longer to wait at most")
    watched.add_argument("--requests", type=int, default=Thresholds.requests, help="how many it must answer")
    watched.add_argument("--share", type=float, default=Thresholds.share, help="how much more 5xx it may answer")
    watched.add_argument("--alarms", metavar="PREFIX", help="what the names of the alarms in CloudWatch begin with")
    given = parser.parse_args(arguments)
    limits = Thresholds(requests=given.requests, share=given.share)
    try:
        decision = watch(_run, minutes=given.minutes, patience=given.patience, prefix=given.alarms, limits=limits)
    except subprocess.CalledProcessError as error:
        sys.exit(f"tools.canary: {' '.join(error.cmd[:3])} failed: {error.stderr.strip()}")
    except FileNotFoundError as error:
        sys.exit(f"tools.canary: {error.filename} is not installed, or PATH does not lead to it")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(STATUS[decision.verdict])


if __name__ == "__main__":
    main()
