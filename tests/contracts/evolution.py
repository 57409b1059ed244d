"""Rules by which contracts evolve, and what two releases of the schemas differ in.

The schemas of the last release are in ``released/``. At a release ``python -m tests.contracts.evolution`` puts the
present ones there, and empties what `test_evolution` waives. The first ones held are those of version 0.1 as it stood
when the rule was made.

Input: what was valid stays valid, and means the same. Types and fields stay; a field may become optional and may get
wider, not required and not narrower. A new field is optional. Output: who reads the old records reads the new ones.
Types and fields stay; a field may not become optional and may get narrower, not wider, except that enumerations may
grow. A new field may be anything. Texts (descriptions, titles, examples) may change.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.cli.schemas import PACKAGED
from sensing.contracts.topic_registry import INPUTS

RELEASED = Path(__file__).parent / "released"
ASYNCAPI = "asyncapi.json"
"""It names what the schemas define."""

Schema = dict[str, Any]
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def schemas_in(folder: Path) -> dict[str, Schema]:
    """Schemas of a folder by topic."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json")) if path.name != ASYNCAPI}


def broken(old: dict[str, Schema], new: dict[str, Schema]) -> Iterator[str]:
    """What a change from one release to the next breaks, each as "place: what"."""
    for topic, before in old.items():
        if topic not in new:
            yield f"{topic}: the topic is gone"
            continue
        compared = _Compared(before, new[topic], is_input=topic in INPUTS)
        yield from compared.types(topic)


class _Compared:
    """Two schemas of one topic."""

    def __init__(self, old: Schema, new: Schema, *, is_input: bool) -> None:
        self._old, self._new = old, new
        self._is_input = is_input

    def types(self, topic: str) -> Iterator[str]:
        """What is broken in the event types; names of definitions may change, names of event types not."""
        old, new = (self._by_type(schema) for schema in (self._old, self._new))
        for name, before in old.items():
            if name not in new:
                yield f"{topic} {name}: the type is gone"
            else:
                yield from self._object(f"{topic} {name}", before, new[name])

    def _by_type(self, schema: Schema) -> dict[str, Schema]:
        found = {}
        for reference in schema["anyOf"]:
            name = reference["$ref"].rpartition("/")[2]
            defined = schema["$defs"][name]
            found[defined["properties"].get("event_type", {}).get("const", name)] = defined
        return found

    def _object(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - after.keys():
            yield f"{place}.{name}: the field is gone"
        required, needed = set(old.get("required", ())), set(new.get("required", ()))
        for name in needed - required if self._is_input else set():
            yield f"{place}.{name}: the field is required now"
        for name in (required - needed) & after.keys() if not self._is_input else set():
            yield f"{place}.{name}: the field may be absent now"
        for name in sorted(before.keys() & after.keys()):
            yield from self._value(f"{place}.{name}", before[name], after[name])
            if self._is_input and before[name].get("default") != after[name].get("default"):
                yield f"{place}.{name}: the default has changed"

    def _value(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        """Every form of the narrower side must be one of the wider side."""
        narrow, wide = self._forms(old, self._old), self._forms(new, self._new)
        if not self._is_input:
            narrow, wide = wide, narrow
        for form in narrow:
            faults = [list(self._form(place, form, other)) for other in wide]
            best = min(faults, key=len, default=[f"{place}: the type has changed"])
            yield from best

    def _forms(self, schema: Schema, whole: Schema) -> list[Schema]:
        """Alternatives of a value, references resolved, enumerations as one."""
        if "$ref" in schema:
            return self._forms(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
        return (
            [form for each in schema["anyOf"] for form in self._forms(each, whole)] if "anyOf" in schema else [schema]
        )

    def _form(self, place: str, narrow: Schema, wide: Schema) -> Iterator[str]:
        """Why not all values of the narrower form are values of the wider one."""
        if wide.get("type") not in (None, _type_of(narrow)) and not _is_whole_of(narrow, wide):
            yield f"{place}: the type has changed"
            return
        for limits, sign in ((LOWER, 1), (UPPER, -1)):
            for limit in limits:
                if limit in wide and sign * narrow.get(limit, -sign * float("inf")) < sign * wide[limit]:
                    yield f"{place}: {limit} has changed"
        for mark in ("pattern", "format"):
            if mark in wide and narrow.get(mark) != wide[mark]:
                yield f"{place}: {mark} has changed"
        if "const" in wide and narrow.get("const") != wide["const"]:
            yield f"{place}: the constant has changed"
        # Enumerations of outputs may grow.
        if "enum" in wide and self._is_input and not set(narrow.get("enum", (...,))) <= set(wide["enum"]):
            yield f"{place}: values are gone"
        if "enum" in narrow and "enum" in wide and not self._is_input and not {*wide["enum"]} & {*narrow["enum"]}:
            yield f"{place}: values are gone"
        yield from self._inside(place, narrow, wide)

    def _inside(self, place: str, narrow: Schema, wide: Schema) -> Iterator[str]:
        old, new = (narrow, wide) if self._is_input else (wide, narrow)
        for mark in ("items", "additionalProperties", "propertyNames"):
            if isinstance(old.get(mark), dict) and isinstance(new.get(mark), dict):
                yield from self._value(f"{place}[]", old[mark], new[mark])
        if "properties" in old:
            yield from self._object(place, old, new)


def _type_of(form: Schema) -> Any:
    """Type of a form; an enumeration of texts has none of its own."""
    texts = all(isinstance(value, str) for value in form.get("enum", [None]))
    return "string" if texts else form.get("type")


def _is_whole_of(narrow: Schema, wide: Schema) -> bool:
    """A whole number is a number."""
    return (narrow.get("type"), wide.get("type")) == ("integer", "number")


def main() -> None:
    """Hold the present schemas as those of a release."""
    shutil.rmtree(RELEASED, ignore_errors=True)
    RELEASED.mkdir()
    for path in sorted(PACKAGED.glob("*.json")):
        if path.name != ASYNCAPI:
            shutil.copy(path, RELEASED)
    sys.stdout.write(f"schemas of the release: {RELEASED}; now empty WAIVED in test_evolution.py\n")


if __name__ == "__main__":
    main()
