"""IAM statements for GitHub's roles and the permissions boundary. Each module covers a group of AWS services."""
