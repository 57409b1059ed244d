"""Pointer: what Bytewax keeps of a machine at the end of an epoch, instead of its state."""

import msgspec

from flows.durability.segment import Place


class Pointer(msgspec.Struct, frozen=True, array_like=True):
    """A machine at the end of an epoch.

    Attributes
    ----------
    run_id
        Run that the state belongs to.
    place
        Where the journal ended; None: it was empty.
    delivered
        Outputs of all entries up to this position are delivered for sure. Later ones may be.
    base
        Newest base at or before that position that survives a loss of power; None: the state begins empty.
    base_position
        Number of entries in the base.
    """

    run_id: str
    place: Place | None
    delivered: int
    base: str | None = None
    base_position: int = 0

    @property
    def position(self) -> int:
        """Number of entries of the journal that count."""
        return self.place.position if self.place else 0

    def encode(self) -> bytes:
        """The pointer as bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> "Pointer":
        """Restore a pointer."""
        return msgspec.msgpack.decode(data, type=cls)
