"""What runs inside the node's namespaces: its first process, which sets them up and keeps the components running.

It starts on the way to every node, so it imports nothing but the standard library and what is as small: 0.06 s, where
the packages of the command line take a second.
"""
