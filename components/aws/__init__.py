"""The layer under a cluster: network, control plane, nodes, add-ons, identity, load balancer, backup; registries."""
