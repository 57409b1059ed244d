"""Names seen: the roll-up's table of all SKUs and locations, in which it finds suspicious pairs.

Shards report a name when they make the first row of it or get its master data. A name that has the skeleton of an
earlier one is one half of a pair; the earlier one is the other. Each pair is told once, as an automatic decision.
"""

from typing import Literal

import msgspec

from sensing.contracts.audit import AutomaticDecision, Rule
from sensing.detection.similar_names import difference, skeleton
from sensing.state.snapshot import Encoded, pack, unpack

RULE: Rule = "suspicious_pair"
Kind = Literal["sku", "location"]
NAMES_MAX = 1 << 19
"""Names that are remembered; further ones are compared with them, but not with each other, and counted."""
PAIRS_MAX = 10_000
"""Pairs that wait for the end of a backfill; further ones are only counted."""


class _Dump(msgspec.Struct):
    names: dict[Kind, dict[str, list[str]]]
    pairs: int
    not_compared: int
    waiting: list[AutomaticDecision]


class NamesSeen:
    """Names by kind and skeleton; of one skeleton the first one comes first.

    Attributes
    ----------
    pairs
        Suspicious pairs found.
    not_compared
        Names beyond the bound.
    """

    def __init__(self) -> None:
        self.pairs = self.not_compared = 0
        self._names: dict[Kind, dict[str, list[str]]] = {"sku": {}, "location": {}}
        self._count = 0
        self._waiting: list[AutomaticDecision] = []

    def see(self, kind: Kind, names: set[str], *, backfilling: bool) -> list[AutomaticDecision]:
        """Take in names of one instant; returns what is to be told of them now."""
        found = []
        for name in sorted(names):
            alike = self._names[kind].get(key := skeleton(name))
            if alike is not None and name in alike:
                continue
            if alike:
                self.pairs += 1
                found.append(_pair(kind, alike[0], name))
            if self._count < NAMES_MAX:
                self._names[kind].setdefault(key, []).append(name)
                self._count += 1
            else:
                self.not_compared += 1
        if not backfilling:
            return found
        self._waiting += found[: PAIRS_MAX - len(self._waiting)]
        return []

    def names(self, kind: Kind) -> set[str]:
        """All names of a kind that are remembered."""
        return {name for alike in self._names[kind].values() for name in alike}

    def end_backfill(self) -> list[AutomaticDecision]:
        """What waited for the end of the backfill."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def dump(self) -> bytes:
        """All names as bytes."""
        return pack({"seen": Encoded(_Dump(self._names, self.pairs, self.not_compared, self._waiting), _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        dump: _Dump = unpack(block, {"seen": _Dump})["seen"]
        self._names, self.pairs, self.not_compared = dump.names, dump.pairs, dump.not_compared
        self._waiting = dump.waiting
        self._count = sum(len(alike) for names in self._names.values() for alike in names.values())


def _pair(kind: Kind, first: str, second: str) -> AutomaticDecision:
    what = {"sku": "SKUs", "location": "Locations"}[kind]
    reason = (
        f"{what} {first!r} and {second!r} differ only in {difference(first, second)}. They are kept apart; if they are "
        "one, name one of them as an alias of the other."
    )
    return AutomaticDecision(
        rule=RULE, subject=second, sku=second if kind == "sku" else None,
        location=second if kind == "location" else None, inputs={"kind": kind, "other": first}, reason=reason,
    )  # fmt: skip
