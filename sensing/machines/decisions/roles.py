"""Permissions: which roles may make which decisions."""

from collections.abc import Iterable

from sensing.contracts.decisions import Verdict
from sensing.contracts.exceptions import Route

ADMIN = "admin"
"""May decide everything."""

ROUTE = "route"
"""Stands for the role that the exception is routed to."""
INFORMED = "inform"
"""Stands for the roles that the exception informs."""

ON_EXCEPTIONS: dict[Verdict, tuple[str, ...]] = {
    "acknowledge": (ROUTE, INFORMED),
    "label": (ROUTE, INFORMED),
    "reject": (ROUTE,),
    "release": (ROUTE,),
}
ON_PARAMETERS: dict[Verdict, tuple[str, ...]] = {
    "approve": ("planner",),
    "reject": ("planner",),
    "override": ("planner",),
    "release": ("planner",),
}
OVERRIDES: dict[str, tuple[str, ...]] = {
    "order_quantity": ("buyer",),
    "lead_time_days": ("buyer",),
}
"""Roles that may also override a field, besides those of ``ON_PARAMETERS``."""


def exception_roles(decision: Verdict, route: Route, inform: Iterable[str]) -> tuple[str, ...]:
    """Roles that may make a decision about an exception; empty if the decision does not apply to exceptions."""
    stands_for = {ROUTE: (route,), INFORMED: tuple(inform)}
    rights = ON_EXCEPTIONS.get(decision, ())
    return tuple(role for right in rights for role in stands_for[right]) + ((ADMIN,) if rights else ())


def parameter_roles(decision: Verdict, field: str | None) -> tuple[str, ...]:
    """Roles that may make a decision about parameters; empty if the decision does not apply to parameters."""
    rights = ON_PARAMETERS.get(decision, ())
    more = OVERRIDES.get(field or "", ()) if decision == "override" else ()
    return (*rights, *more, ADMIN) if rights else ()
