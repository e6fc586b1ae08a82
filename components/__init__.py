"""The journal's infrastructure: settings, then components in layers (see docs/architecture.md)."""
