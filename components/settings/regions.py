"""The regions of AWS, and their zones."""

from typing import Annotated

from pydantic import AfterValidator

ZONES = {
    "af-south-1": "abc",
    "ap-east-1": "abc",
    "ap-east-2": "abc",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ap-northeast-3": "abc",
    "ap-south-1": "abc",
    "ap-south-2": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-southeast-3": "abc",
    "ap-southeast-4": "abc",
    "ap-southeast-5": "abc",
    "ap-southeast-6": "abc",
    "ap-southeast-7": "abc",
    "ca-central-1": "abd",
    "ca-west-1": "abc",
    "eu-central-1": "abc",
    "eu-central-2": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-south-2": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "il-central-1": "abc",
    "me-central-1": "abc",
    "me-south-1": "abc",
    "mx-central-1": "abc",
    "sa-east-1": "abc",
    "us-east-1": "abcdf",
    "us-east-2": "abc",
    "us-west-1": "abc",
    "us-west-2": "abcd",
}
"""The letters of the zones of each commercial region that can hold an EKS control plane, as of 2026-11.

An account in us-west-1 has two of the three. Sources: AWS, Regions and Availability Zones; EKS guide, VPC and subnet
requirements (us-east-1e can't).
"""


def zones_of(region: str) -> list[str]:
    """The full names of a region's zones, such as eu-central-1a. Raises KeyError for an unknown region."""
    return [f"{region}{letter}" for letter in ZONES[region]]


def _region(name: str) -> str:
    if name not in ZONES:
        raise ValueError(f"is no region known here; one of {', '.join(ZONES)} (components/settings/regions.py)")
    return name


Region = Annotated[str, AfterValidator(_region)]
