"""Default end of an input's clock: the end of the last event's local day. The source group calls it."""

from collections.abc import Iterable

from sensing.codec.event_record import BEFORE_ALL, InfrequentEvent
from sensing.contracts.reference import LocationUpdated
from sensing.state.zones import Zones


def end_of_last_day(last_event: int, time_zone: str, reference: Iterable[InfrequentEvent]) -> int:
    """End of the last event's local day (UTC ms): the latest over the default time zone and those of all locations.

    So this day closes at every location. Without events the clock ends at 0, 1970-01-01.
    """
    if last_event == BEFORE_ALL:
        return 0
    zones = Zones(time_zone)
    names = sorted({event.event.time_zone for event in reference if isinstance(event.event, LocationUpdated)})
    for name in names:
        try:
            zones.number(name)
        except ValueError:
            continue  # The machines reject this record.
    numbers = range(len(zones.names))
    return max(zones.day_end(zone, zones.local_hour(zone, last_event) // 24) for zone in numbers)
