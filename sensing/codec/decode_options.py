"""Options of the decoder, from the settings. Partition buffers make them, decoders read them."""

from typing import NamedTuple

from sensing.codec.clean_keys import KeyPolicy
from sensing.codec.table_mapping import Tables

NO_TABLES: Tables = {}


class DecodeOptions(NamedTuple):
    """What the operator wants of the decoder.

    Attributes
    ----------
    unclean_keys
        What becomes of identifiers that are not clean.
    tables
        Mappings for messages of Debezium, by table or topic.
    topic
        The topic that is decoded; a mapping may go by it.
    """

    unclean_keys: KeyPolicy = "normalise"
    tables: Tables = NO_TABLES
    topic: str = ""


DEFAULTS = DecodeOptions()
