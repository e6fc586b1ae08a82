"""The versions of all that the components deploy, and the registries that images may come from.

The images that CI builds are named in the stacks' settings.
"""

CERT_MANAGER = "1.21.2"
CERT_MANAGER_CHART = "oci://quay.io/jetstack/charts/cert-manager"

TRAEFIK_IMAGE = "docker.io/library/traefik:v3.6.12"
GATEWAY_API = "1.4.1"
"""The version of the Gateway API that this Traefik implements (its go.mod)."""
GATEWAY_API_CRDS = (
    "https://raw.githubusercontent.com/kubernetes-sigs/gateway-api/"
    "477d172e6ac5eccb82b65781ddb8f924afec4170/config/crd/standard"
)
"""Its standard channel at the commit of that version's tag, so that the address stands for the content."""
VALKEY_IMAGE = "docker.io/valkey/valkey:8.1.4"
HAPROXY_IMAGE = "docker.io/library/haproxy:3.0.11"
AWS_CLI_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.37.1"
PEBBLE_IMAGE = "ghcr.io/letsencrypt/pebble:2.10.1"
KUBE_STATE_METRICS_IMAGE = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0"
METRICS_SERVER_IMAGE = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
ARGO_CONTROLLER_IMAGE = "quay.io/argoproj/workflow-controller:v4.0.5"
ARGO_EXECUTOR_IMAGE = "quay.io/argoproj/argoexec:v4.0.5"
ARGO_CRDS = (
    "https://raw.githubusercontent.com/argoproj/argo-workflows/"
    "0ab1452144d8f4d57c50b37ce50dad218868e950/manifests/base/crds/minimal"
)
"""At the commit of that version's tag, so that the address stands for the content."""

REGISTRIES = (
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/",  # ours, stack `shared`
    r"docker\.io/library/",  # Docker Official Images
    r"docker\.io/valkey/",
    r"ghcr\.io/letsencrypt/",
    r"quay\.io/argoproj/",
    r"quay\.io/jetstack/",  # cert-manager
    r"registry\.k8s\.io/",
    r"public\.ecr\.aws/eks/",
    r"public\.ecr\.aws/aws-cli/",
)
"""How images begin whose registries are trusted: what `policy/` and the cluster's admission policies check."""
BUILT_HERE = r"localhost/"
"""What `make up` builds for stack `local`."""

ACME_SERVERS = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "pebble": "https://pebble.pebble.svc:14000/dir",
}

ADD_ONS = {
    "1.36": {
        "vpc-cni": "v1.23.2-eksbuild.1",
        "eks-pod-identity-agent": "v1.4.0-eksbuild.3",
        "kube-proxy": "v1.36.0-eksbuild.25",
        "coredns": "v1.14.7-eksbuild.10",
        "snapshot-controller": "v8.6.0-eksbuild.8",
        "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
        "metrics-server": "v0.9.0-eksbuild.11",
        "eks-node-monitoring-agent": "v1.7.2-eksbuild.1",
    },
    "1.35": {
        "vpc-cni": "v1.23.1-eksbuild.1",
        "eks-pod-identity-agent": "v1.4.0-eksbuild.3",
        "kube-proxy": "v1.35.3-eksbuild.29",
        "coredns": "v1.14.3-eksbuild.22",
        "snapshot-controller": "v8.6.0-eksbuild.6",
        "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
        "metrics-server": "v0.9.0-eksbuild.7",
        "eks-node-monitoring-agent": "v1.6.4-eksbuild.1",
    },
}
"""Versions of EKS add-ons by Kubernetes version, the recommended one first: what is named here is what a stack may run.

As public configurations of clusters of that version had them up to October 2026; no AWS account was asked. AWS's own
list: `aws eks describe-addon-versions --kubernetes-version 1.36`.
"""

CLUSTER_AUTOSCALER_IMAGES = {
    "1.36": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.1",
    "1.35": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.35.2",
}
"""By Kubernetes version: the autoscaler runs the scheduler's code, so its minor version is the cluster's."""
