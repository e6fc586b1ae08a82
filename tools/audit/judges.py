"""The judges: each looks at a part of the project, and says what it has against it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path

from tools import environments, golang, paths, stack
from tools.audit import services
from tools.audit.verdicts import Skipped, Verdict
from tools.failures import Failure, tail
from tools.lint import linters, manifests
from tools.progress import Progress

HERE = Path(__file__).parent
LOCKS = ("requirements.lock", "apps/*/requirements.lock", "tools/*/*.lock")
GO_MODULES = ("local/cluster/platform", "tools/lint", "tools/audit", "tools/promtool")
WORKFLOWS = stack.ROOT / ".github" / "workflows"
EXAMPLES, SEED = 100, 20_261_128
"""How many requests schemathesis makes up for each operation, and from what: the same ones each time."""
NOT_RUN = (
    ("trivy", "its database comes from a container registry, which this project does not need otherwise"),
    ("kube-bench", "it reads files and processes of a node: EKS' nodes are AWS' images, the local node is no machine"),
    ("hardeneks", "it asks AWS about a cluster on EKS: run it with `pipx run hardeneks` once there is one"),
)


def of_manifests(names: list[str]) -> list[Verdict]:
    """kubeconform, kube-score and checkov on every stack's manifests."""
    judged = manifests.findings(names)
    versions = {
        "kubeconform": _module_version("github.com/yannh/kubeconform"),
        "kube-score": _module_version("github.com/zegl/kube-score"),
        "checkov": _locked(linters.CHECKOV_LOCK, "checkov"),
    }
    times = Counter((skip.tool, skip.check, skip.reason) for _, skip in judged.skipped)
    return [
        Verdict(
            judge=tool,
            version=version,
            looked_at=f"the manifests of {', '.join(names)}",
            failed=[f"{f.stack}: {f.check} {f.resource}: {f.message}" for f in judged.left if f.tool == tool],
            skipped=[
                Skipped(what=check, reason=reason, times=count)
                for (by, check, reason), count in times.items()
                if by == tool
            ],
        )
        for tool, version in versions.items()
    ]


def of_workflows(progress: Progress) -> Verdict:
    """actionlint."""
    files = sorted(WORKFLOWS.glob("*.y*ml"))
    found = linters.actionlint(linters.build(progress) / "actionlint", files)
    return Verdict(
        judge="actionlint",
        version=_module_version("github.com/rhysd/actionlint"),
        looked_at=f"{len(files)} workflows",
        failed=[line for line in found.splitlines() if line.strip()],
    )


def of_packages() -> Verdict:
    """pip-audit: what is known against a pinned package of Python."""
    program = _program("pip-audit")
    locks = sorted(lock for pattern in LOCKS for lock in stack.ROOT.glob(pattern))
    failed, unknown, known = [], 0, 0
    for lock in locks:
        command = [program, "--require-hashes", "--disable-pip", "-r", str(lock), "-f", "json"]
        run = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
        if run.returncode not in (0, 1):
            raise Failure("pip-audit did not end as it should.", "Does the package index answer?", tail(run.stderr))
        for package in json.loads(run.stdout)["dependencies"]:
            unknown += "skip_reason" in package
            known += "vulns" in package
            where = f"{package['name']} {package.get('version', '')} in {lock.relative_to(stack.ROOT)}"
            failed += [f"{where}: {vulnerability['id']}" for vulnerability in package.get("vulns", ())]
    reason = "the package index that answers here has no advisories; that of PyPI has"
    return Verdict(
        judge="pip-audit",
        version=_locked(HERE / "audit.lock", "pip-audit"),
        looked_at=f"{known} packages in {len(locks)} lock files",
        failed=failed,
        skipped=[Skipped(what="packages", reason=reason, times=unknown)] if unknown else [],
    )


def of_modules(progress: Progress) -> Verdict:
    """govulncheck: what is known against a pinned module of Go."""
    flags = golang.build_flags()

    def make(target: Path) -> None:
        golang.install(HERE, ["tool"], flags, target, progress, what="govulncheck")

    program = golang.built(paths.cache() / "audit", HERE, flags, make, progress) / "govulncheck"
    failed, reached = [], True
    for folder in GO_MODULES:
        command = [str(program), "-C", str(stack.ROOT / folder), "-scan=module"]
        run = subprocess.run(command, capture_output=True, text=True, env=golang.environment(), check=False)
        if "fetching vulnerabilities" in run.stderr:
            reached = False
            break
        if run.returncode not in (0, 3):  # 3: it found something
            raise Failure(f"govulncheck ended with {run.returncode}.", "What it said stands above.", tail(run.stderr))
        found = re.findall(r"^Vulnerability #\d+: (\S+)", run.stdout, re.MULTILINE)
        failed += [f"{identifier} in a module of {folder}" for identifier in found]
    reason = "Go's database of vulnerabilities is not reached from here"
    return Verdict(
        judge="govulncheck",
        version=_module_version("golang.org/x/vuln", HERE) if reached else "",
        looked_at=", ".join(GO_MODULES),
        failed=failed,
        skipped=[] if reached else [Skipped(what=folder, reason=reason) for folder in GO_MODULES],
    )


def of_service(name: str) -> Verdict:
    """schemathesis: requests that it makes up from a service's own description, right ones and wrong ones."""
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
    with services.SERVICES[name]() as url, tempfile.TemporaryDirectory() as folder:  # it keeps crashes where it runs
        command = [_program("schemathesis"), "run", url, "--no-color", "--seed", str(SEED)]
        command += ["--max-examples", str(EXAMPLES), "--generation-database", "none", "--continue-on-failure"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    if run.returncode not in (0, 1):
        raise Failure("schemathesis did not end as it should.", "What it said stands above.", tail(run.stdout))
    generated, failed = said_by_schemathesis(run.stdout)
    if not generated or bool(failed) != bool(run.returncode):
        raise Failure("schemathesis did not say what it found.", "What it said stands above.", tail(run.stdout))
    return Verdict(
        judge="schemathesis",
        version=_locked(HERE / "audit.lock", "schemathesis"),
        looked_at=f"{name} by its description: {generated:,} requests",
        failed=failed,
    )


def said_by_schemathesis(text: str) -> tuple[int, list[str]]:
    """How many requests it made up, and what failed: `POST /api: ST202 Schema-valid request rejected`."""
    generated = re.search(r"^\s*([\d,]+) generated", text, re.MULTILINE)
    failed, operation = [], ""
    for heading, what in re.findall(r"^_+ (.+?) _+$|^- (\w.+)$", text, re.MULTILINE):
        operation = heading or operation
        if what:
            failed.append(f"{operation}: {what}")
    return int(generated[1].replace(",", "")) if generated else 0, failed


def of_page() -> Verdict:
    """axe in Chromium, with the page's other tests for everybody, on the running stack."""
    looked_at = "the page in Chromium: each state, light and dark"
    if not (stack.STATE / "local.json").exists():
        reason = "the journal does not run: `make up` first"
        return Verdict(judge="axe", version="", looked_at=looked_at, skipped=[Skipped(what="page", reason=reason)])
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "tests/browser/test_accessibility.py"]
    run = subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)
    found = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if run.returncode not in (0, 1):
        raise Failure("The page's tests did not end as they should.", "Does the journal run?", tail(run.stdout))
    version = metadata.version("axe-playwright-python")
    return Verdict(judge="axe", version=version, looked_at=looked_at, failed=found)


def not_run() -> list[Verdict]:
    """Those that can't be had on every machine, each with its reason."""
    return [
        Verdict(judge=judge, version="", looked_at="", skipped=[Skipped(what=judge, reason=reason)])
        for judge, reason in NOT_RUN
    ]


def _program(name: str) -> str:
    return str(environments.prepare("audit", HERE / "audit.lock").parent / name)


def _locked(lock: Path, package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock.read_text(), re.MULTILINE)
    if found is None:
        raise Failure(f"{lock.relative_to(stack.ROOT)} does not pin {package}.", "Run `make lock`.")
    return found[1]


def _module_version(module: str, folder: Path = linters.HERE) -> str:
    return golang.module_versions((folder / "go.mod").read_text())[module].removeprefix("v")
