"""`python -m local`."""

import gc
import sys

from local import paths

if sys.dont_write_bytecode:  # compiling the SDK takes seconds: keep the result, but not beside the sources
    sys.pycache_prefix, sys.dont_write_bytecode = str(paths.cache() / "bytecode"), False
gc.set_threshold(50_000, 20, 100)  # loading the SDK makes objects by the hundred thousand, and all of them stay

from local.cli import main  # noqa: E402

main()
