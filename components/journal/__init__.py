"""The journal: a small web application in a namespace of its own."""

from components.journal.journal import NAMESPACE, PATHS, PORTS, STATUS_PATHS, Journal, JournalArgs, hosts

__all__ = ["NAMESPACE", "PATHS", "PORTS", "STATUS_PATHS", "Journal", "JournalArgs", "hosts"]
