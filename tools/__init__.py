"""What a stack says without a cluster: its resources, their order, cost, differences and picture."""
