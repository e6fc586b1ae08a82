"""Runs the program of stack `local` under the recorder: the part of `up` that asks no cluster."""

from local import stack
from local.engine import Recorder, run

run(stack.ROOT, Recorder(), project=stack.PROJECT, stack="local", config=stack.read("local"))
