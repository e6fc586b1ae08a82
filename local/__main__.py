"""`python -m local`."""

from local import startup

startup.quick()

from local.cli import main  # noqa: E402

main()
