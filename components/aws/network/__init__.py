"""The VPC of a cluster: subnets, routes, VPC endpoints and flow logs."""
