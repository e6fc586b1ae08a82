"""The journal: a small web application in a namespace of its own."""

from components.journal.journal import NAMESPACE, PORTS, Journal, JournalArgs, paths

__all__ = ["NAMESPACE", "PORTS", "Journal", "JournalArgs", "paths"]
