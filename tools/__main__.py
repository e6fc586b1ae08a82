"""`python -m tools`."""

from tools import startup

startup.quick()

from tools.cli import app  # noqa: E402

app()
