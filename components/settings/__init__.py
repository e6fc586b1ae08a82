"""The settings of a stack, checked before the first resource is registered. Only `load` reads `pulumi.Config`."""

from components.settings.application import (
    PASSWORD_STAGE,
    CertificateSettings,
    FrontendConfig,
    IngressSettings,
    RedisBackupSettings,
    RedisSettings,
    Resources,
    Tier,
)
from components.settings.autoscaling import Autoscaling
from components.settings.aws import (
    AccessSettings,
    AwsSettings,
    BackupSettings,
    ControlPlaneSettings,
    LoadBalancerSettings,
    NetworkSettings,
)
from components.settings.errors import SettingsError
from components.settings.limits import Limits, RateLimit
from components.settings.login import LoginSettings
from components.settings.node_groups import NodeGroupSettings, Taint
from components.settings.releases import Release
from components.settings.shared import GithubSettings, RegistrySettings, SharedSettings
from components.settings.stack import ClusterSettings, Settings, load, parse, schema
from components.settings.values import is_secret
from components.settings.workflows import WorkflowSettings

__all__ = [
    "PASSWORD_STAGE",
    "AccessSettings",
    "Autoscaling",
    "AwsSettings",
    "BackupSettings",
    "CertificateSettings",
    "ClusterSettings",
    "ControlPlaneSettings",
    "FrontendConfig",
    "GithubSettings",
    "IngressSettings",
    "Limits",
    "LoadBalancerSettings",
    "LoginSettings",
    "NetworkSettings",
    "NodeGroupSettings",
    "RateLimit",
    "RedisBackupSettings",
    "RedisSettings",
    "RegistrySettings",
    "Release",
    "Resources",
    "Settings",
    "SettingsError",
    "SharedSettings",
    "Taint",
    "Tier",
    "WorkflowSettings",
    "is_secret",
    "load",
    "parse",
    "schema",
]
