"""The Kafka sink against a real broker: records as a plain consumer reads them, and permanent refusals."""

import base64
import time
from datetime import timedelta

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main
from confluent_kafka import KafkaException, Message

from sensing.machines.machine_messages import ParameterRows
from sensing.outputs import ACTIONS, AUDIT, DEAD_LETTERS, EXCEPTIONS, PARAMETERS, OutputRecord
from sinks.errors import TidegaugeError
from sinks.kafka_messages import to_message
from tests.produced import produced
from tests.sinks.documents import dead_letter, exception, planning, tombstone
from tests.sinks.live import KEYS, RUN_ID, Told, headers_of, make_topics, messages, part_of, publish, sink_to

DECISION = OutputRecord(
    5, 0, 1, AUDIT, "decision.automatic", "audit/A/DC#1", "A/DC", 5, {"correlationid": "A/DC"}, b'{"rule":"r"}'
)
ACTION = OutputRecord(5, 0, 2, ACTIONS, "action.recommended", "act/1#1", "act/1", 5, {"route": "buyer"}, b'{"a":1}')


def plain(message: Message) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers but for the time of recording, which is looked at here."""
    headers = headers_of(message)
    times = [value for name, value in headers if name in ("ce_recordedtime", "tidegauge_recordedtime")]
    assert len(times) == 1
    assert times[0].endswith(b"Z")
    return message.key(), message.value(), [(name, value) for name, value in headers if value not in times]


def expected(record: OutputRecord) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """The same of the message that a record is sealed as."""
    message = to_message(record, "", RUN_ID, "")
    headers = [(name, value.encode() if isinstance(value, str) else value or b"") for name, value in message.headers]
    return message.key, message.value, [(name, value) for name, value in headers if not name.endswith("recordedtime")]


def test_a_consumer_sees_every_type_as_it_was_sealed(kafka: str, topics: str) -> None:
    """Key, value and headers of all types of outputs, tombstones and dead letters included, in order, per topic."""
    records = [exception(), exception(version=2, status="resolved"), planning(), DECISION, ACTION, dead_letter()]
    records += [tombstone(records[1]), dead_letter(original=False, key_base64=None, headers={}), planning("Ä", "x/y")]
    names = (EXCEPTIONS, PARAMETERS, AUDIT, ACTIONS, DEAD_LETTERS)
    make_topics(kafka, *(topics + name for name in names))
    started = time.time()
    publish(kafka, topics, *records)

    for name in names:
        found = messages(kafka, topics + name)
        assert [plain(message) for message in found] == [expected(record) for record in records if record.topic == name]
        assert all(started - 1 <= message.timestamp()[1] / 1000 <= time.time() + 1 for message in found)


def test_a_dead_letter_is_the_original_byte_for_byte(kafka: str, topics: str) -> None:
    """Key, value and headers of any bytes arrive as they were."""
    value, key, header = bytes(range(256)) * 3, b"\x00key\xff", bytes(range(255, -1, -1))
    make_topics(kafka, f"{topics}{DEAD_LETTERS}")
    texts = [base64.b64encode(each).decode() for each in (value, key, header)]
    publish(kafka, topics, dead_letter(value_base64=texts[0], key_base64=texts[1], headers={"any": texts[2]}))

    (message,) = messages(kafka, f"{topics}{DEAD_LETTERS}")
    assert (message.value(), message.key()) == (value, key)
    assert headers_of(message)[0] == ("any", header)


def murmur2(key: bytes) -> int:
    """Hash of Kafka's own clients (org.apache.kafka.common.utils.Utils.murmur2), word by word."""
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    value = 0x9747B28C ^ len(key)
    for at in range(0, len(key) - 3, 4):
        word = int.from_bytes(key[at : at + 4], "little") * factor & mask
        value = (value * factor & mask) ^ ((word ^ word >> 24) * factor & mask)
    if rest := key[len(key) & ~3 :]:
        value = (value ^ int.from_bytes(rest, "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def test_keys_are_spread_as_kafkas_own_clients_do(kafka: str, topics: str) -> None:
    """A key's partition is that of Java's partitioner, so that topics can be joined by partition."""
    make_topics(kafka, f"{topics}{EXCEPTIONS}", partitions=5)
    publish(kafka, topics, *(exception(f"exception-{number}") for number in range(40)))

    found = messages(kafka, f"{topics}{EXCEPTIONS}")
    assert len(found) == 40
    assert all(message.partition() == (murmur2(message.key() or b"") & 0x7FFFFFFF) % 5 for message in found)


def test_a_machine_leaves_through_one_partition(kafka: str) -> None:
    """Machine m leaves through partition m modulo their number; names sort as their numbers do."""
    sink = sink_to(kafka, "", partitions=12)
    parts = sink.list_parts()

    assert parts == sorted(parts)
    assert (parts[0], parts[-1], len(parts)) == ("deliver-00", "deliver-11", 12)
    assert [sink.part_fn(key) for key in KEYS] == [machine % 12 for machine in range(len(KEYS))]


def test_in_a_flow_everything_is_delivered_in_the_order_of_its_machine(kafka: str, topics: str) -> None:
    """Bytewax's own run: records of a machine arrive in their order, tables of rows are passed over."""
    table = ParameterRows(0, {"sku": ["A"]})
    make_topics(kafka, f"{topics}{AUDIT}")
    records = [[DECISION._replace(id=f"{n % 5}#{n}", subject=f"{n % 5}"), table, DECISION._replace(id="")] for n in range(200)]
    items = [(KEYS[n % 5], produced(outputs)) for n, outputs in enumerate(records)]
    flow = Dataflow("sinks")
    op.output("deliver", op.input("input", flow, TestingSource(items, 7)), sink_to(kafka, topics, partitions=2))
    run_main(flow, epoch_interval=timedelta(seconds=0.05))  # type: ignore[no-untyped-call]  # built without types

    found = [dict(headers_of(message))["ce_id"] for message in messages(kafka, f"{topics}{AUDIT}")]
    assert len(found) == 400
    for machine in range(5):
        mine = [name for name in found if name.startswith(b"%d#" % machine)]
        assert mine == [f"{machine}#{n}".encode() for n in range(machine, 200, 5)]


def test_an_epoch_is_durable_at_the_first_write_after_its_snapshot(kafka: str, topics: str) -> None:
    """A partition says so once per epoch, also where the write holds nothing; never before, and not at the end."""
    make_topics(kafka, f"{topics}{AUDIT}")
    calls: list[str] = []
    with part_of(sink_to(kafka, topics, on_durable=lambda: calls.append("durable"))) as part:
        batches = [[produced([DECISION])], [produced([])]]
        for values in batches:
            part.write_batch(values)
            calls.append("written")
            part.write_batch(values)
            part.snapshot()
            calls.append("snapshot")
        part.close()
    assert calls == ["written", "snapshot", "durable", "written", "snapshot"]


def test_the_end_of_an_epoch_waits_for_all_acknowledgements(kafka: str, topics: str) -> None:
    """After a snapshot every record has been told as delivered, in order, each at an instant in between."""
    make_topics(kafka, f"{topics}{AUDIT}")
    delivered: list[tuple[OutputRecord, float]] = []
    told = Told()
    records = [DECISION._replace(id=f"a#{number}") for number in range(2_000)]
    sink = sink_to(kafka, topics, status=told, on_delivered=lambda record, at: delivered.append((record, at)))
    with part_of(sink) as part:
        before = time.time()
        part.write_batch([produced([*records[:500]]), produced([*records[500:]])])
        part.snapshot()
        after = time.time()

    assert [record for record, _ in delivered] == records
    assert all(before <= at <= after for _, at in delivered)
    assert told.now == {"kafka-producer": None}


def test_a_full_queue_holds_the_flow_back(kafka: str, topics: str) -> None:
    """More records than the queue takes wait for room; none is lost or leaves its place."""
    make_topics(kafka, f"{topics}{AUDIT}")
    records = [DECISION._replace(id=f"a#{number}") for number in range(1_000)]
    publish(kafka, topics, *records, client={"queue.buffering.max.messages": 10, "linger.ms": 1})

    found = [dict(headers_of(message))["ce_id"] for message in messages(kafka, f"{topics}{AUDIT}")]
    assert found == [record.id.encode() for record in records]


def test_a_topic_that_is_not_there_ends_the_sink(kafka: str, topics: str) -> None:
    """The error names sink partition, topic and record, and says how to make the topic."""
    fault = rf"output deliver-00, topic {topics}audit, record audit/A/DC#1: required a topic that exists, got "
    with part_of(sink_to(kafka, topics)) as part:
        part.write_batch([produced([DECISION])])
        with pytest.raises(TidegaugeError, match=f"{fault}.*; create it"):
            part.snapshot()
        with pytest.raises(TidegaugeError, match=fault):
            part.write_batch([produced([DECISION])])


def test_a_record_too_large_for_its_topic_ends_the_sink(kafka: str, topics: str) -> None:
    """Outputs of ours must fit: the error says which topic is too small, and which setting."""
    make_topics(kafka, f"{topics}{AUDIT}", max_message_bytes="2000")
    large = DECISION._replace(data=base64.b64encode(bytes(range(256)) * 20))
    fault = r"audit/A/DC#1: required a record that is small enough.*raise max\.message\.bytes"
    with part_of(sink_to(kafka, topics, client={"compression.type": "none"})) as part:
        part.write_batch([produced([large])])
        with pytest.raises(TidegaugeError, match=fault):
            part.snapshot()


@pytest.mark.parametrize("client", [{}, {"message.max.bytes": 3_000}], ids=["topic", "client"])
def test_a_dead_letter_too_large_for_its_topic_loses_its_value(kafka: str, topics: str, client: dict[str, int]) -> None:
    """Bad input must not stop the flow: it is sent without its value, and what is around it as it is."""
    make_topics(kafka, f"{topics}{DEAD_LETTERS}", max_message_bytes="3000")
    large = dead_letter(offset=78, value_base64=base64.b64encode(bytes(range(256)) * 20).decode())
    delivered: list[str] = []
    sink = sink_to(
        kafka, topics, on_delivered=lambda record, _at: delivered.append(record.id),
        client={"compression.type": "none", "batch.size": 1_000} | client,
    )  # fmt: skip
    with part_of(sink) as part:
        part.write_batch([produced([dead_letter(), large, dead_letter(offset=79)])])
        part.snapshot()

    assert sorted(delivered) == ["orders/2/77", "orders/2/78", "orders/2/79"]
    found = {
        dict(headers_of(message))["tidegauge_id"]: message for message in messages(kafka, f"{topics}{DEAD_LETTERS}")
    }
    assert {name: message.value() for name, message in found.items()} == {
        b"orders/2/77": b'{"q":"12"}', b"orders/2/78": None, b"orders/2/79": b'{"q":"12"}',
    }  # fmt: skip
    headers = dict(headers_of(found[b"orders/2/78"]))
    assert headers["tidegauge_value_dropped"] == b"5120 bytes, more than the topic takes"
    assert headers["ce_id"] == b"e1"
    assert found[b"orders/2/78"].key() == b"A"


def test_wrong_settings_are_refused_at_once(kafka: str) -> None:
    """What librdkafka does not take is said when the partition is built."""
    with pytest.raises(
        TidegaugeError, match=r"kafka client settings: required what librdkafka takes, got .*nonsense"
    ) as e:
        sink_to(kafka, "", client={"nonsense": "1"}).build_part("deliver", "deliver-00", None)
    assert isinstance(e.value.__cause__, KafkaException)


def test_what_must_hold_cannot_be_set_otherwise(kafka: str, topics: str) -> None:
    """Idempotence, acknowledgement by all and patience are not the user's to change."""
    make_topics(kafka, f"{topics}{AUDIT}")
    delivered: list[str] = []
    client = {"enable.idempotence": False, "acks": 0, "message.timeout.ms": 1, "partitioner": "random"}
    sink = sink_to(kafka, topics, client=client, on_delivered=lambda record, _at: delivered.append(record.id))
    with part_of(sink) as part:
        part.write_batch([produced([DECISION])])
        time.sleep(0.05)
        part.snapshot()

    assert delivered == [DECISION.id]


def test_a_sink_that_ends_badly_lets_go(kafka: str, topics: str) -> None:
    """Closing the sink of a failed run does not wait for what cannot be delivered, and asks for nothing more."""
    sink = sink_to("127.0.0.1:1", topics)
    sink.build_part("deliver", "deliver-00", None).write_batch([produced([DECISION] * 10)])
    started = time.monotonic()
    sink.close()

    assert time.monotonic() - started < 5
