"""Group progress table: the event time up to which each source group of this process could send.

The ordered merge of a group reads it, so that groups stay side by side. The table only reduces the batches that wait in
machines. Correctness rests on the watermark tracker of every machine (`sensing.state.watermark_tracker`): it gets the
same times in the batches and holds back a group that is ahead. The table does not know groups of other processes.
"""

from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL


class GroupProgress:
    """Progress by group (UTC ms), the groups that have not caught up yet, and whether the reference is read."""

    def __init__(self) -> None:
        self.reference_read = True
        self.behind: set[int] = set()
        self._progress: dict[int, int] = {}

    def join(self, group: int, *, reads_reference: bool) -> None:
        """Add a group of this process, before it reads anything."""
        self._progress[group] = BEFORE_ALL
        self.behind.add(group)
        self.reference_read = self.reference_read and not reads_reference

    def set(self, group: int, progress: int) -> None:
        """Set the event time (UTC ms) up to which a group could send."""
        self._progress[group] = progress

    def others(self, group: int) -> int:
        """The least progress (UTC ms) of all groups except ``group``."""
        return min((time for number, time in self._progress.items() if number != group), default=AFTER_ALL)
