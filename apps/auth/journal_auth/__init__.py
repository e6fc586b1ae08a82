"""The journal's sign-in: names and passwords for short-lived signed tokens."""
