"""What the journal stands on in any cluster: namespaces, the way in, certificates."""
