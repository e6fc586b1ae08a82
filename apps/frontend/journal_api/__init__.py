"""The journal's API: entries over HTTP, kept in Redis."""
