"""What applications on a cluster share: the ingress controller, certificates, and routes to their Services."""

from components.platform.argo_workflows import ACCOUNT, WorkflowEngine, artifact_pods
from components.platform.ingress_controller import IngressController, IngressControllerArgs
from components.platform.platform import Platform, PlatformArgs
from components.platform.routes import IngressEndpoint, Routes, RoutesArgs

__all__ = [
    "ACCOUNT",
    "IngressController",
    "IngressControllerArgs",
    "IngressEndpoint",
    "Platform",
    "PlatformArgs",
    "Routes",
    "RoutesArgs",
    "WorkflowEngine",
    "artifact_pods",
]
