"""Errors that a person can mend, raised by flows and sinks: where, what was required, what came, and the fix."""


class TidegaugeError(Exception):
    """A run cannot start or go on, and why; the command ends with code 1."""


class UsageError(TidegaugeError):
    """What was asked for cannot be done as it was asked; the command ends with code 2."""
