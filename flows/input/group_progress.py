"""Group progress table: how far each source group of this process could send, so that they stay side by side.

It only spares machines some waiting: what holds input of one group back until the others are as far is the watermark
tracker of every machine (`sensing.state.watermark_tracker`), which gets the same figures in the batches. Groups of
other processes are not in the table and hold nothing here.
"""

from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL


class GroupProgress:
    """Progress by group (UTC ms), which groups have not caught up yet, and whether the reference is read."""

    def __init__(self) -> None:
        self.reference_read = True
        self.behind: set[int] = set()
        self._progress: dict[int, int] = {}

    def join(self, group: int, *, reads_reference: bool) -> None:
        """A group of this process, before it has read anything."""
        self._progress[group] = BEFORE_ALL
        self.behind.add(group)
        self.reference_read = self.reference_read and not reads_reference

    def set(self, group: int, progress: int) -> None:
        """Note how far a group could send."""
        self._progress[group] = progress

    def others(self, group: int) -> int:
        """The least progress of all groups but one."""
        return min((time for number, time in self._progress.items() if number != group), default=AFTER_ALL)
