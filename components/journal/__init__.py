"""The journal: a small web application in a namespace of its own."""

from components.journal.journal import NAMESPACE, PATHS, PORTS, Journal, JournalArgs

__all__ = ["NAMESPACE", "PATHS", "PORTS", "Journal", "JournalArgs"]
