"""Runs engines in a child process and relays their events.

A crash, an out-of-memory or a wedged driver costs a message in one column, not the window or the recording.
"""

from engines.host.parent import Host

__all__ = ["Host"]
