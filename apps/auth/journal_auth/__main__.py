"""`python -m journal_auth`: serves until SIGTERM. Settings come from the environment."""

import sys

import anyio

from .logs import configure
from .serve import serve
from .settings import SettingsError, load_settings


def main() -> int:
    """0 after a drain, 1 when a port is taken, 2 when the settings are wrong."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"journal-auth: {len(error.mistakes)} wrong in the environment:", file=sys.stderr)
        print("\n".join(f"  {mistake}" for mistake in error.mistakes), file=sys.stderr)
        return 2
    configure(settings.log_level)
    try:
        anyio.run(serve, settings, backend_options={"use_uvloop": True})
    except OSError as error:
        print(f"journal-auth: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
