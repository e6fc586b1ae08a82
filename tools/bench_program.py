"""Runs the program of stack `local` under the recorder: the part of `up` that asks no cluster."""

from tools import startup

startup.quick()

from tools import stack  # noqa: E402
from tools.recording import Recorder, run  # noqa: E402

run(stack.ROOT, Recorder(), project=stack.PROJECT, stack="local", config=stack.read("local"))
