"""Draws an `Example` as SVG: ordered units, the forecast published before each day, the surge, the parameters.

Colours follow the reader's scheme, light or dark. The picture has its own background, so it is readable on any page.
"""

import datetime as dt
from collections.abc import Iterable

from benchmarks.example import SHOWN_FROM, Event, Example, days_from

WIDTH, HEIGHT = 920, 520
LEFT, DAY_WIDTH = 62.0, 10.0
DEMAND_TOP, DEMAND_BOTTOM = 92.0, 290.0
PARAMETERS_TOP, PARAMETERS_BOTTOM = 350.0, 470.0
FUTURE_DAYS = 14
BANDS = (("outer", 0.05, 0.95), ("inner", 0.25, 0.75))

COLOURS = {
    "page": ("fill", "#ffffff", "#0d1117"),
    "frame": ("stroke", "#d0d7de", "#3d444d"),
    "text": ("fill", "#1f2328", "#f0f6fc"),
    "small": ("fill", "#59636e", "#9198a1"),
    "axis": ("stroke", "#d0d7de", "#3d444d"),
    "bar": ("fill", "#6e7781", "#9198a1"),
    "hot": ("fill", "#cf222e", "#ff7b72"),
    "outer": ("fill", "#54aeff38", "#388bfd38"),
    "inner": ("fill", "#0969da48", "#58a6ff48"),
    "open": ("fill", "#cf222e14", "#ff7b7220"),
    "alarm": ("fill", "#a40e26", "#ffa198"),
    "mark": ("stroke", "#cf222e", "#ff7b72"),
    "mean": ("stroke", "#0550ae", "#a5d6ff"),
    "reorder": ("stroke", "#1a7f37", "#56d364"),
    "upto": ("stroke", "#8250df", "#d2a8ff"),
}
"""By class: attribute that is coloured, colour on a light page, colour on a dark page."""


def style() -> str:
    """Style sheet of the picture."""
    light, dark = (
        " ".join(f".{name} {{ {colours[0]}: {colours[scheme]}; }}" for name, colours in COLOURS.items())
        for scheme in (1, 2)
    )
    shapes = (
        "text { font: 12px system-ui, sans-serif; } .small { font-size: 11px; } .title { font-weight: 600; } "
        "path.mean, path.reorder, path.upto, .mark { fill: none; stroke-width: 1.8; } .mark { stroke-dasharray: 4 3; }"
    )
    return f"<style>{shapes} {light} @media (prefers-color-scheme: dark) {{ {dark} }}</style>"


class Axis:
    """Vertical axis of one panel: maps values from 0 to ``top`` to heights of the picture."""

    def __init__(self, above: float, below: float, largest: float, step: float) -> None:
        self.above, self.below, self.step = above, below, step
        self.top = step * -(-largest // step)

    def y(self, value: float) -> float:
        """Vertical position of a value."""
        return self.below - min(value, self.top) / self.top * (self.below - self.above)

    def lines(self, right: float) -> Iterable[str]:
        """A grid line and a label for every step."""
        for count in range(int(self.top / self.step) + 1):
            value = count * self.step
            y = self.y(value)
            yield f'<line class="axis" x1="{LEFT:.0f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield _text(LEFT - 8, y + 4, f"{value:,.0f}", "small", anchor="end")


def draw(example: Example) -> str:
    """The picture as SVG text."""
    last = max(example.units)
    days = [SHOWN_FROM + dt.timedelta(days=n) for n in range((last - SHOWN_FROM).days + 1 + FUTURE_DAYS)]
    right = x_of(len(days))
    forecasts = list(zip(days, (forecast_of(example.parameters, day) for day in days), strict=True))
    highest = max([quantile(day, forecast, 0.95) for day, forecast in forecasts] + list(example.units.values()))
    demand = Axis(DEMAND_TOP, DEMAND_BOTTOM, highest, 100.0)
    published = [record for record in example.parameters if record["data"]["as_of"] >= days[0].isoformat()]
    levels = Axis(
        PARAMETERS_TOP, PARAMETERS_BOTTOM, max(r["data"]["proposed"]["order_up_to"] for r in published), 1000.0
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        '<title id="title">Demand of one item, its forecast, a surge that was found, and the parameters that followed'
        "</title>",
        style(),
        f'<rect class="page frame" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
        *_headings(example),
        *_open_span(example),
        *demand.lines(right),
        *levels.lines(right),
        *(_band(name, demand, forecasts, low, high) for name, low, high in BANDS),
        *_bars(example, demand, days),
        _steps("mean", [(x_of(n), demand.y(mean(*known))) for n, known in enumerate(forecasts)], right),
        *_parameters(example.parameters, levels, last),
        *_dates(days, last),
        *_alarm(example),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def x_of(days: float) -> float:
    """Horizontal position of an instant, given in days from the first day shown."""
    return LEFT + days * DAY_WIDTH


def forecast_of(parameters: list[Event], day: dt.date) -> Event:
    """The newest forecast that was published before ``day`` began."""
    known: list[Event] = [r["data"]["forecast"] for r in parameters]
    return [forecast for forecast in known if forecast["start"] <= day.isoformat()][-1]


def quantile(day: dt.date, forecast: Event, level: float) -> float:
    """Forecast quantile of ``day`` in units. Beyond the horizon it is that of the last forecast day."""
    return float(forecast["quantiles"][_ahead(forecast, day)][forecast["levels"].index(level)])


def mean(day: dt.date, forecast: Event) -> float:
    """Forecast mean of ``day`` in units. Beyond the horizon it is that of the last forecast day."""
    return float(forecast["mean"][_ahead(forecast, day)])


def _ahead(forecast: Event, day: dt.date) -> int:
    return min((day - dt.date.fromisoformat(forecast["start"])).days, len(forecast["mean"]) - 1)


def _text(x: float, y: float, text: str, name: str = "text", *, anchor: str = "start") -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _headings(example: Example) -> Iterable[str]:
    item = example.parameters[0]["data"]
    yield _text(20, 28, f"Item {item['sku']} at {item['location']}, autumn 2011", "text title")
    yield _text(20, 46, "Orders of a real shop; the surge (red) is planted, stock is simulated.", "small")
    x = 20
    for name, text in (
        ("bar", "units ordered a day"),
        ("outer", "forecast, 90 %"),
        ("inner", "50 %"),
        ("hot", "surge"),
    ):
        yield f'<rect class="{name}" x="{x}" y="60" width="12" height="12"/>'
        yield _text(x + 17, 70, text)
        x += 34 + 7 * len(text)
    lines = (
        ("mean", x, 66, "mean, as published before each day"),
        ("reorder", 20, 334, "reorder point"),
        ("upto", 140, 334, "order-up-to level, units"),
    )
    for name, x, y, text in lines:
        yield f'<path class="{name}" d="M{x} {y}h14"/>'
        yield _text(x + 19, y + 4, text)


def _open_span(example: Example) -> Iterable[str]:
    opened, ended = (example.exceptions[at]["data"] for at in (0, -1))
    start = x_of(days_from(SHOWN_FROM, opened["opened_at"]))
    end = x_of(days_from(SHOWN_FROM, ended["updated_at"]))
    height = PARAMETERS_BOTTOM - DEMAND_TOP
    yield f'<rect class="open" x="{start:.1f}" y="{DEMAND_TOP:.0f}" width="{end - start:.1f}" height="{height:.0f}"/>'


def _bars(example: Example, axis: Axis, days: list[dt.date]) -> Iterable[str]:
    planted = set(example.surge["days"])
    for number, day in enumerate(days):
        units = example.units.get(day, 0.0)
        if units:
            name = "hot" if day.isoformat() in planted else "bar"
            y = axis.y(units)
            yield (
                f'<rect class="{name}" x="{x_of(number) + 3:.1f}" y="{y:.1f}" width="{DAY_WIDTH - 6:.1f}" '
                f'height="{axis.below - y:.1f}"/>'
            )


def _band(name: str, axis: Axis, forecasts: list[tuple[dt.date, Event]], low: float, high: float) -> str:
    tops = [axis.y(quantile(day, forecast, high)) for day, forecast in forecasts]
    bottoms = [axis.y(quantile(day, forecast, low)) for day, forecast in forecasts]
    there = " ".join(f"L{x_of(n):.1f} {y:.1f}h{DAY_WIDTH:.1f}" for n, y in enumerate(tops))
    back = " ".join(f"L{x_of(n + 1):.1f} {y:.1f}h{-DAY_WIDTH:.1f}" for n, y in reversed(list(enumerate(bottoms))))
    return f'<path class="{name}" d="M{there[1:]} {back}Z"/>'


def _steps(name: str, points: list[tuple[float, float]], right: float) -> str:
    """Path of a step function through the points."""
    ends = [x for x, _ in points[1:]] + [right]
    path = " ".join(f"L{x:.1f} {y:.1f}H{end:.1f}" for (x, y), end in zip(points, ends, strict=True))
    return f'<path class="{name}" d="M{path[1:]}"/>'


def _parameters(records: list[Event], axis: Axis, last: dt.date) -> Iterable[str]:
    right = x_of((last - SHOWN_FROM).days + 1)
    for name, field in (("upto", "order_up_to"), ("reorder", "reorder_point")):
        points = [
            (max(x_of(days_from(SHOWN_FROM, record["time"])), LEFT), axis.y(record["data"]["proposed"][field]))
            for record in records
        ]
        first = max(n for n, (x, _) in enumerate(points) if x == LEFT)
        yield _steps(name, points[first:], right)


def _dates(days: list[dt.date], last: dt.date) -> Iterable[str]:
    for number, day in enumerate(days):
        if day.weekday() == 0 and number % 14 == 0:
            x = x_of(number)
            for below in (DEMAND_BOTTOM, PARAMETERS_BOTTOM):
                yield _text(x, below + 16, f"{day:%d %b}", "small")
    now = x_of((last - SHOWN_FROM).days + 1)
    yield f'<line class="axis" x1="{now:.1f}" x2="{now:.1f}" y1="{DEMAND_TOP:.0f}" y2="{PARAMETERS_BOTTOM:.0f}"/>'
    yield _text(now + 6, DEMAND_TOP + 12, f"last order; the next {FUTURE_DAYS} days", "small")


def _alarm(example: Example) -> Iterable[str]:
    opened = example.exceptions[0]["data"]
    x = x_of(days_from(SHOWN_FROM, opened["opened_at"]))
    hours = (days_from(SHOWN_FROM, opened["opened_at"]) - days_from(SHOWN_FROM, example.surge["start"])) * 24
    moved = max(example.parameters, key=lambda record: float(record["data"]["change"]["total"]))
    sentence = moved["data"]["change"]["sentence"].replace("->", "to")
    yield f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{DEMAND_TOP:.0f}" y2="{PARAMETERS_BOTTOM:.0f}"/>'
    said = f"order_surge opened {hours:.1f} h after the first planted line"
    yield _text(x - 6, DEMAND_TOP + 12, said, "alarm", anchor="end")
    yield _text(LEFT, HEIGHT - 16, f"{moved['data']['as_of']}: {sentence}", "small")
