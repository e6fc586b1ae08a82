"""Everything the program creates in AWS.

`eks_cluster` is one environment: a cluster with its network, nodes, load balancer and backups. `account` is what all
environments of an AWS account share: image repositories, the DNS zone, the roles of GitHub Actions. The packages export
nothing, so that a stack imports only the modules it uses; those of pulumi_aws take seconds.
"""
