"""Every version that the program pins, in one place.

Images carry a tag; what CI builds is deployed by digest through `images` of the stack's settings.
"""

CERT_MANAGER = "1.21.2"
CERT_MANAGER_CHART = "oci://quay.io/jetstack/charts/cert-manager"

TRAEFIK_IMAGE = "docker.io/library/traefik:v3.6.12"
VALKEY_IMAGE = "docker.io/valkey/valkey:8.1.4"
PEBBLE_IMAGE = "ghcr.io/letsencrypt/pebble:2.10.1"

ACME_SERVERS = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "pebble": "https://pebble.pebble.svc:14000/dir",
}

ADD_ONS = {
    "1.34": {
        "vpc-cni": "v1.20.4-eksbuild.2",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.1",
        "kube-proxy": "v1.34.0-eksbuild.4",
        "coredns": "v1.12.4-eksbuild.1",
        "aws-ebs-csi-driver": "v1.53.0-eksbuild.1",
        "snapshot-controller": "v8.3.0-eksbuild.1",
        "metrics-server": "v0.8.0-eksbuild.5",
        "eks-node-monitoring-agent": "v1.4.1-eksbuild.1",
    },
}
"""Versions of EKS add-ons by Kubernetes version: what is named here is what a stack may run."""
