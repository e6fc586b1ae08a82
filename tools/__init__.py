"""What can be told of a stack without a cluster: its resources, order, cost, differences and picture."""
