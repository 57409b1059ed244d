"""Errors for users, raised by flows and sinks. Messages say where, what was required, what was got, and the fix."""


class TidegaugeError(Exception):
    """A run cannot start or continue. The command ends with exit code 1."""


class UsageError(TidegaugeError):
    """The command cannot run with these options or settings. It ends with exit code 2."""
