"""A shard looks up few texts, and gives the same results with only these."""

import pickle

import pytest

from sensing.codec.shard_split import split
from sensing.codec.text_table import EventTexts, TextTable, needed
from sensing.machine_settings import Settings
from sensing.machines.shard import ShardMachine
from tests.machines.business import usual_stream

ONE = Settings(shards=1)
SIZE = 500


def entries(table: TextTable) -> dict[int, EventTexts | None]:
    """All that a table has."""
    return {offset: table.entry(offset) for offset in table.offsets.tolist()}


@pytest.mark.slow
def test_texts_that_were_used_are_all_that_is_needed() -> None:
    """Batches with only the texts looked up before lead to the same outputs and the same state."""
    stream = usual_stream()
    first, again = ShardMachine(0, ONE), ShardMachine(0, ONE)
    looked_up = records = 0
    for start in range(0, len(stream), SIZE):
        (part,) = split(stream.cut(start, min(start + SIZE, len(stream))), 1)
        outputs = first.apply(part)
        used = first.texts_used()
        assert again.apply(part._replace(texts=used)) == outputs
        assert [entries(table) for table in again.texts_used()] == [entries(table) for table in used]
        looked_up += sum(len(table.offsets) for table in used)
        records += len(part.records)
    assert again.dump() == first.dump()
    assert 0 < looked_up < records / 3


@pytest.mark.compiled
def test_a_part_carries_its_texts_into_another_process() -> None:
    """What a shard's part needs is enough for it, and smaller than the whole."""
    stream = usual_stream()
    parts = split(stream.cut(0, SIZE), 3)
    for shard, part in enumerate(parts):
        sent = pickle.loads(pickle.dumps(part._replace(texts=needed(part.texts, part.records))))
        machines = [ShardMachine(shard, Settings(shards=3)) for _ in range(2)]
        assert machines[0].apply(part) == machines[1].apply(sent)
        assert machines[0].dump() == machines[1].dump()
        assert sum(len(table.offsets) for table in sent.texts) == len(part.records)


@pytest.mark.compiled
def test_a_batch_without_its_texts_is_refused() -> None:
    """A row that is mentioned first needs its names; who hands on a batch without them is told which."""
    stream = usual_stream()
    (part,) = split(stream.cut(0, SIZE), 1)
    with pytest.raises(ValueError, match=r"texts: required those of topic \d, partition 0, offset \d+, got none; give"):
        ShardMachine(0, ONE).apply(part._replace(texts=()))
