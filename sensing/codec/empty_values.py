"""Values that mean "not given": nulls, and empty texts where a type allows none. The careful decoder calls it.

Writers that know columns and no absence, such as Kafka Connect or a CSV export, write one of the two for every empty
column.
"""

from typing import Any

from msgspec import inspect

from sensing.codec.contract_fields import unwrapped


def is_empty(value: Any, described: inspect.Type) -> bool:
    """Whether a value of an optional field means that the field is absent."""
    if value != "":
        return value is None
    return not (isinstance(described, inspect.StrType) and not described.min_length)


def without_nulls(value: Any, described: inspect.Type) -> Any:
    """The value without the entries of objects in it that mean "not given". Elements of lists stay."""
    match unwrapped(described), value:
        case inspect.ListType(item_type=item), list():
            return [without_nulls(each, item) for each in value]
        case inspect.DictType(), dict():
            return {name: each for name, each in value.items() if each is not None}
        case inspect.StructType(fields=fields), dict():
            optional = {field.encode_name: unwrapped(field.type) for field in fields if not field.required}
            return {
                name: each for name, each in value.items() if name not in optional or not is_empty(each, optional[name])
            }
    return value
