"""Signals of a shard (weather, market, service tickets): the value of each local day, by series.

The shard's state owns it; `sensing.machines.signalled_days` asks it. A series is one signal for one scope: SKU,
location, family and region, each given or not. A series concerns the rows that have all that its scope gives.

The value of a day is the last one that was heard about it, else about the newest earlier day, which is carried for the
days that its record states. After that the signal is stale: no value is known. A forecast knows only what was heard
by the end of its last closed day (plus the lateness, within which the close runs), and so does the score of a forecast.
So of each day a series keeps the last value of each of the ``HEARD_DAYS`` newest days on which it was heard.

Values are standardised by the centre and the scale of their series, so that any unit works. The centre moves: it covers
about ``CENTRE_DAYS``, since the demand level of a row follows slow changes of a signal in about that time.
"""

import math
from bisect import bisect_left, bisect_right, insort
from typing import Any, NamedTuple

import msgspec

from sensing.contracts.reference import SignalObserved
from sensing.machine_settings import DAY_MS
from sensing.state.snapshot import Encoded, pack, unpack

SERIES_MAX = 10_000
"""Series of a shard; records of further ones are refused and counted."""
DATES_MAX = 1 << 18
"""Days with values of their own, of all series of a shard; further ones are refused and counted."""
CARRY_DAYS, CARRY_DAYS_MAX = 7, 92
"""Days after its own for which a value is carried: by default, and at most."""
HEARD_DAYS = 4
KEPT_DAYS = 40
"""Days for which past values are kept; no day that is still learned reaches further back."""
SILENT_DAYS, FORGET_DAYS = 120, 150
"""A series whose newest value is about a day so long ago concerns no row any more, and is forgotten later."""
CENTRE_DAYS, SCALE_DAYS = 28.0, 180.0
WARM_DAYS = 14
"""Days with values from which on a series is standardised."""
Z_MAX = 3.0
ERROR_MAX = 5.0
"""Standard deviations by which a value moves centre and scale at most, so that one absurd value does not silence a
signal for months."""
UNKNOWN = math.nan

Scope = tuple[str | None, str | None, str | None, str | None]
"""SKU, location, family, region; None: any."""
Given = tuple[bool, bool, bool, bool]
"""Which parts of a scope are given. The greater tuple is the more specific scope."""


class Value(NamedTuple):
    """A value of a day, heard at ``heard`` (UTC ms, less the lateness) and carried for ``carried`` days; NaN: none."""

    heard: int
    value: float
    carried: int


class Series(msgspec.Struct):
    """One signal for one scope. ``dates`` are the days with values, rising; ``number`` never changes.

    ``count`` days made up the ``centre`` and the ``variance`` around it, up to local day ``learned``.
    """

    number: int
    signal: str
    kind: str
    scope: Scope
    values: dict[int, list[Value]] = {}
    dates: list[int] = []
    count: int = 0
    centre: float = 0.0
    variance: float = 0.0
    learned: int = -1
    silent: bool = False

    def value(self, day: int, known_by: int) -> float:
        """Value of a local day as known by an instant (UTC ms); NaN if none is known or the newest one is stale."""
        at = bisect_right(self.dates, day) - 1
        while at >= 0 and day - self.dates[at] <= CARRY_DAYS_MAX:
            heard = [each for each in self.values[self.dates[at]] if each.heard <= known_by]
            if heard:
                return heard[-1].value if day - self.dates[at] <= heard[-1].carried else UNKNOWN
            at -= 1
        return UNKNOWN

    def standardised(self, value: float) -> float:
        """A value in standard deviations from the centre, at most ``Z_MAX`` either way; NaN if not known yet."""
        if self.count < WARM_DAYS or self.variance <= 0.0:
            return UNKNOWN
        return min(max((value - self.centre) / math.sqrt(self.variance), -Z_MAX), Z_MAX) if value == value else UNKNOWN

    def keep(self, date: int, value: Value) -> None:
        """Keep a value of a day, unless one was heard later on the same day."""
        found = self.values.get(date)
        if found is None:
            found = self.values[date] = []
            insort(self.dates, date)
        same = next((at for at, each in enumerate(found) if each.heard // DAY_MS == value.heard // DAY_MS), None)
        if same is None:
            insort(found, value, key=_heard)
            del found[:-HEARD_DAYS]
        elif found[same].heard <= value.heard:
            found[same] = value

    def observe(self, day: int, known_by: int) -> None:
        """Let centre and scale learn the value of a day, once."""
        if day <= self.learned:
            return
        self.learned = day
        value = self.value(day, known_by)
        if value != value:
            return
        self.count += 1
        if self.count == 1:
            self.centre = value
            return
        error = value - self.centre
        if self.count > WARM_DAYS and self.variance > 0.0:
            reach = ERROR_MAX * math.sqrt(self.variance)
            error = min(max(error, -reach), reach)
        self.variance += (error * error - self.variance) / min(self.count - 1.0, SCALE_DAYS)
        self.centre += error / min(float(self.count), CENTRE_DAYS)

    def forget(self, day: int) -> int:
        """Forget values of days long before ``day``, but the newest; returns how many days."""
        past = bisect_left(self.dates, day - KEPT_DAYS - CARRY_DAYS_MAX)
        past = min(past, len(self.dates) - 1)
        for date in self.dates[:past]:
            del self.values[date]
        del self.dates[:past]
        return past


def _heard(value: Value) -> int:
    return value.heard


_Key = tuple[str, str, Scope]


class Signals:
    """Series of a shard by number.

    Attributes
    ----------
    version
        Changes whenever rows may get other series: a series came or went, or master data changed.
    series_refused, dates_refused
        Records that were refused because a table was full.
    """

    def __init__(self, series_max: int = SERIES_MAX, dates_max: int = DATES_MAX) -> None:
        self.series_max = series_max
        self.dates_max = dates_max
        self.series: dict[int, Series] = {}
        self.version = 0
        self.series_refused = 0
        self.dates_refused = 0
        self._made = 0
        self._dates = 0
        self._keys: dict[_Key, int] = {}
        self._of_scope: dict[Scope, list[int]] = {}
        self._kinds_of_scope: list[Given] = []  # in use, the most specific first

    def apply(self, event: SignalObserved, date: int, heard: int) -> bool:
        """Keep the value of a record about local day ``date``; without a value the signal has none from that day on.

        Returns
        -------
        bool
            Whether the value is kept.
        """
        scope = (event.sku, event.location, event.family, event.region)
        key = (event.signal, event.kind, scope)
        number = self._keys.get(key)
        if number is None and len(self.series) >= self.series_max:
            self.series_refused += 1
            return False
        new_date = number is None or date not in self.series[number].values
        if new_date and self._dates >= self.dates_max:
            self.dates_refused += 1
            return False
        if number is None:
            self._made += 1
            number = self._made
            self._add(Series(number, event.signal, event.kind, scope))
            self.version += 1
        carried = CARRY_DAYS if event.horizon_days is None else min(math.ceil(event.horizon_days), CARRY_DAYS_MAX)
        series = self.series[number]
        series.keep(date, Value(heard, UNKNOWN if event.value is None else event.value, carried))
        self._dates += new_date
        if series.silent:
            series.silent = False
            self.version += 1
        return True

    def in_scope(self, scope: Scope) -> list[int]:
        """Numbers of the series that concern a row with this SKU, location, family and region (None: not known).

        The most specific come first, then the oldest.
        """
        sku, location, family, region = scope
        found: list[int] = []
        for with_sku, with_location, with_family, with_region in self._kinds_of_scope:
            part = (
                sku if with_sku else None, location if with_location else None,
                family if with_family else None, region if with_region else None,
            )  # fmt: skip
            if _given(part) == (with_sku, with_location, with_family, with_region):
                found += self._of_scope.get(part, ())
        return [number for number in found if not self.series[number].silent]

    def rescope(self) -> None:
        """Note that master data of items or locations have changed: rows may get other series."""
        self.version += bool(self.series)

    def observe(self, day: int, known_by: int) -> None:
        """Once a day: series learn the value of a day, and those without news for long are forgotten."""
        for number, series in list(self.series.items()):
            series.observe(day, known_by)
            self._dates -= series.forget(day)
            age = day - series.dates[-1]
            if age > SILENT_DAYS and not series.silent:
                series.silent = True
                self.version += 1
            if age > FORGET_DAYS:
                self._dates -= len(series.dates)
                del self.series[number], self._keys[series.signal, series.kind, series.scope]
                self._of_scope[series.scope].remove(number)

    def dump(self) -> bytes:
        """The whole state as bytes."""
        head = (self.version, self._made, self.series_refused, self.dates_refused)
        return pack({"signals": Encoded((head, list(self.series.values())), _State)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        head, kept = unpack(block, {"signals": _State})["signals"]
        self.version, self._made, self.series_refused, self.dates_refused = head
        for series in kept:
            self._add(series)
            self._dates += len(series.dates)

    def _add(self, series: Series) -> None:
        self.series[series.number] = series
        self._keys[series.signal, series.kind, series.scope] = series.number
        self._of_scope.setdefault(series.scope, []).append(series.number)
        self._kinds_of_scope = sorted({*self._kinds_of_scope, _given(series.scope)}, reverse=True)


def _given(scope: Scope) -> Given:
    sku, location, family, region = scope
    return sku is not None, location is not None, family is not None, region is not None


_State: Any = tuple[tuple[int, int, int, int], list[Series]]
