"""IAM: roles, policy documents, and the roles of GitHub Actions."""
