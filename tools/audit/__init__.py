"""Judges that no one here wrote, behind `make audit`."""
