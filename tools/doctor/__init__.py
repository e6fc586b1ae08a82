"""What would stop a deployment, asked of the account before it begins: `make doctor STACK=prod`.

It computes what the stacks need from their recordings and compares that with quotas, versions, zones, images, name
servers and the rest. Nothing here changes anything: `account.Account` refuses every operation that does not read.
"""

from tools.doctor.examination import examine
from tools.doctor.findings import Finding, Report, Verdict
from tools.doctor.output import show

__all__ = ["Finding", "Report", "Verdict", "examine", "show"]
