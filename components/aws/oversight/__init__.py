"""What watches an account: a budget, CloudTrail, GuardDuty, and mail when something is wrong."""
