"""Topic ``actions``: recommended action packages. Nothing is published there yet."""

from sensing.contracts.topic_spec import output

SPEC = output("actions", __doc__, {}, "Action id.", retention_days=30)
