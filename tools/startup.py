"""Makes programs of ours start quickly; for the first line of a program."""

import gc
import sys

from tools import paths


def quick() -> None:
    """Keep the SDK's bytecode, which takes seconds to make, even where PYTHONDONTWRITEBYTECODE is set: elsewhere then.

    Loading the SDK makes objects by the hundred thousand, and all of them stay: the collector looks less often.
    """
    if sys.dont_write_bytecode:
        sys.pycache_prefix, sys.dont_write_bytecode = str(paths.cache() / "bytecode"), False
    gc.set_threshold(50_000, 20, 100)
