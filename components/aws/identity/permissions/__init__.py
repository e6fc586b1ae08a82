"""What GitHub's workflows and the roles of environments may do in AWS, as pure functions to IAM statements."""
