"""Every string field of a message, however deep, and a request with one of them set."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message


@dataclass(frozen=True)
class StringField:
    """A way through a message to a string, a map's key or value, or an entry of a list."""

    steps: tuple[str, ...]
    leaf: str
    """`text`, `list`, `key` or `value`."""

    def __str__(self) -> str:
        ends = {"text": "", "list": "[]", "key": "{key}", "value": "{value}"}
        return ".".join(self.steps) + ends[self.leaf]


def string_fields(
    kind: Descriptor, steps: tuple[str, ...] = (), above: tuple[str, ...] = ()
) -> Iterator[StringField]:
    """Every string field below a message type; a type within itself is entered once."""
    for each in kind.fields:
        here = (*steps, each.name)
        if each.type == FieldDescriptor.TYPE_STRING:
            yield StringField(here, "list" if each.is_repeated else "text")
        elif each.message_type is not None and each.message_type.GetOptions().map_entry:
            entry = each.message_type.fields_by_name
            if entry["key"].type == FieldDescriptor.TYPE_STRING:
                yield StringField(here, "key")
            if entry["value"].type == FieldDescriptor.TYPE_STRING:
                yield StringField(here, "value")
        elif each.message_type is not None and each.message_type.full_name not in above:
            yield from string_fields(each.message_type, here, (*above, kind.full_name))


def is_set(message: Message, field: StringField) -> bool:
    """Whether a request has this field, so that another value there leaves it a valid one."""
    return value_in(message, field) is not None


def value_in(message: Message, field: StringField) -> str | None:
    """The value there; of lists and maps the first."""
    holder = _holder(message, field.steps[:-1], make=False)
    if holder is None:
        return None
    there = getattr(holder, field.steps[-1])
    match field.leaf:
        case "text":
            return str(there) or None
        case "list":
            return str(there[0]) if there else None
        case "key":
            return str(min(there)) if there else None
        case _:
            return str(there[min(there)]) if there else None


def with_value(message: Message, field: StringField, value: str) -> Message:
    """A copy with another value there; what is missing on the way is made."""
    copy = type(message)()
    copy.CopyFrom(message)
    holder = _holder(copy, field.steps[:-1], make=True)
    assert holder is not None
    name = field.steps[-1]
    there = getattr(holder, name)
    match field.leaf:
        case "text":
            setattr(holder, name, value)
        case "list":
            there[:] = [value, *there[1:]]
        case "key":
            _rename(there, value)
        case _:
            there[min(there) if there else "name"] = value
    return copy


def _rename(entries: object, value: str) -> None:
    """Give the first entry of a map another key."""
    assert hasattr(entries, "keys")
    if not len(entries):  # type: ignore[arg-type]  # maps of protobuf share no useful type
        if hasattr(entries, "get_or_create"):
            entries.get_or_create(value)
        else:
            entries[value] = "value"  # type: ignore[index]  # as above
        return
    old = min(entries)  # type: ignore[call-overload]  # as above
    if hasattr(entries, "get_or_create"):
        entries.get_or_create(value).CopyFrom(entries[old])  # type: ignore[index]  # as above
    else:
        entries[value] = entries[old]  # type: ignore[index]  # as above
    if value != old:
        del entries[old]  # type: ignore[attr-defined]  # as above


def _holder(message: Message, steps: tuple[str, ...], *, make: bool) -> Message | None:
    for name in steps:
        there = getattr(message, name)
        if message.DESCRIPTOR.fields_by_name[name].is_repeated:
            if not there and not make:
                return None
            message = there[0] if there else there.add()
        elif make:
            there.SetInParent()
            message = there
        elif message.HasField(name):
            message = there
        else:
            return None
    return message
