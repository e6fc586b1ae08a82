"""Regions and their zones that an account sees, as of 2026-11. Source: AWS, Regions and Availability Zones."""

ZONES = {
    "ap-northeast-1": "acd",
    "ap-south-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ca-central-1": "abd",
    "eu-central-1": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "sa-east-1": "abc",
    "us-east-1": "abcdf",
    "us-east-2": "abc",
    "us-west-2": "abcd",
}
"""Letters of the zones that run EKS control planes; us-east-1e has none (EKS guide, VPC and subnet requirements)."""


def zones_of(region: str) -> list[str]:
    return [f"{region}{letter}" for letter in ZONES[region]]
