"""The layer under a cluster: network, control plane, node groups, add-ons, identity, load balancer, backup; registries."""
