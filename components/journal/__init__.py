"""The journal's own tiers."""
