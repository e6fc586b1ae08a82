"""AWS Backup of a cluster."""
