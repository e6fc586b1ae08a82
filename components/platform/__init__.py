"""What applications on a cluster share: the ingress controller, certificates, and routes to their Services."""

from components.platform.argo_workflows import ACCOUNT, WORKFLOWS, WorkflowEngine
from components.platform.ingress_controller import IngressController, IngressControllerArgs
from components.platform.platform import Platform, PlatformArgs
from components.platform.routes import IngressEndpoint, Routes, RoutesArgs

__all__ = [
    "ACCOUNT",
    "WORKFLOWS",
    "IngressController",
    "IngressControllerArgs",
    "IngressEndpoint",
    "Platform",
    "PlatformArgs",
    "Routes",
    "RoutesArgs",
    "WorkflowEngine",
]
