"""Before any test loads the SDK: its bytecode is kept, and the collector looks less often."""

from tools import startup

startup.quick()
