"""New texts for event records: fills their keys again and makes their text tables. Aliases and kit parts use it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_LINE
from sensing.codec.keys import fill_keys, joined
from sensing.codec.text_table import EventTexts, TextTable


def rekey(records: NDArray[Any], texts: Sequence[EventTexts]) -> tuple[TextTable, ...]:
    """Fill the keys of ``records`` (EVENT, contiguous) in place from new texts.

    Returns
    -------
    tuple
        Tables with these texts under the records' topics, partitions and offsets.
    """
    records["flags"] &= ~np.uint8(NO_LINE)
    data, starts = fill_keys(records, *joined([text for entry in texts for text in entry]))
    places: dict[tuple[int, int], list[int]] = {}
    for k, place in enumerate(zip(records["topic"].tolist(), records["partition"].tolist(), strict=True)):
        places.setdefault(place, []).append(k)
    tables = []
    for (topic, partition), mine in places.items():
        offsets = records["offset"][mine]
        order = np.argsort(offsets, kind="stable")
        tables.append(TextTable(topic, partition, offsets[order], starts[np.array(mine)[order]], data))
    return tuple(tables)
