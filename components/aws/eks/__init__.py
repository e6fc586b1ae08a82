"""The EKS cluster itself: control plane, access entries, node groups, add-ons, autoscaler and storage class."""
