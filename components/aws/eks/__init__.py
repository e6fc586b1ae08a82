"""The EKS cluster: control plane, access entries, node groups, add-ons, autoscaler and storage class."""
