"""The policy pack: `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # Pulumi runs this from the pack's own folder

from pulumi_policy import EnforcementLevel, PolicyPack

from policy.pack import NAME, policies

PolicyPack(name=NAME, policies=policies(), enforcement_level=EnforcementLevel.MANDATORY)
