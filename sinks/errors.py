"""What a sink cannot get over by waiting."""


class SinkError(Exception):
    """Outputs cannot go on before somebody mends something: where, what was required, what came, and the fix."""
