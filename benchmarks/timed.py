"""Processor time of single methods of an object. Benchmarks wrap the methods; their results do not change."""

from collections.abc import Callable
from time import process_time
from typing import Any


class Watch:
    """Seconds by name.

    Attributes
    ----------
    seconds
        Processor time spent in each watched method since the start or the last :meth:`take`.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def over(self, owner: Any, method: str, name: str) -> None:
        """Add the processor time of a method of one object to ``name`` from now on."""
        setattr(owner, method, self._counted(getattr(owner, method), name))

    def take(self) -> dict[str, float]:
        """Return the seconds so far and reset them."""
        found, self.seconds = self.seconds, {}
        return found

    def _counted(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            started = process_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + process_time() - started

        return counted
