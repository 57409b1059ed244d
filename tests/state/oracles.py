"""Slow, obvious versions of the state layer: dictionaries instead of rings."""


class Buckets:
    """Hours and days of a row as dictionaries. Bookings outside the rings are dropped."""

    def __init__(self, hour: int, hours_kept: int, days_kept: int) -> None:
        self.hours_kept = hours_kept
        self.days_kept = days_kept
        self.hour = hour
        self.hour_lines: dict[int, int] = {}
        self.day_lines: dict[int, int] = {}
        self.day_quantity: dict[int, int] = {}
        self.promoted: set[int] = set()

    @property
    def day(self) -> int:
        """Newest day."""
        return self.hour // 24

    def roll(self, hour: int) -> None:
        """Advance to a newer hour."""
        self.hour = max(self.hour, hour)
        self.hour_lines = {at: n for at, n in self.hour_lines.items() if at > self.hour - self.hours_kept}
        self.day_lines = {at: n for at, n in self.day_lines.items() if at > self.day - self.days_kept}
        self.day_quantity = {at: n for at, n in self.day_quantity.items() if at > self.day - self.days_kept}
        self.promoted = {day for day in self.promoted if day > self.day - 8}

    def book(self, hour: int, quantity: int, lines: int, lines_max: int) -> None:
        """Book into the hour and its day, if they are within the rings."""
        day = hour // 24
        if hour > self.hour - self.hours_kept:
            self.hour_lines[hour] = min(max(self.hour_lines.get(hour, 0) + lines, 0), lines_max)
        if day > self.day - self.days_kept:
            self.day_lines[day] = min(max(self.day_lines.get(day, 0) + lines, 0), lines_max)
            self.day_quantity[day] = self.day_quantity.get(day, 0) + quantity

    def window(self, hours: int) -> int:
        """Lines of the newest hours."""
        return sum(self.hour_lines.get(self.hour - back, 0) for back in range(hours))
