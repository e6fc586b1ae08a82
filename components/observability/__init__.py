"""What is watched of the journal, whoever collects it: the metrics to read, and the rules that raise an alarm."""

from components.observability.watch import watch_of

__all__ = ["watch_of"]
