"""Pulumi on this machine: its programs, the stack's state, and what a person sees of a run.

The random provider's plugin is started from this package, so nothing is imported here.
"""
