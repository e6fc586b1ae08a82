"""`python -m local`."""

from tools import startup

startup.quick()

from local.cli import main  # noqa: E402

main()
