"""Runs the program of stack `local` under the recorder: the part of `up` that asks no cluster."""

from local import startup

startup.quick()

from local import stack  # noqa: E402
from local.engine import Recorder, run  # noqa: E402

run(stack.ROOT, Recorder(), project=stack.PROJECT, stack="local", config=stack.read("local"))
