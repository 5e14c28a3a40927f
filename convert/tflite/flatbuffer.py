"""Tables of a flatbuffer as Python objects, read and written by a description of their fields.

A table is a class whose fields stand in the order of their slots in the file:

    class Metadata(Table):
        name: bytes | Maybe = string()
        buffer: int = scalar("I")

Written, a table has the bytes that flatc's Python classes give it: its parts first, in the order of its fields.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

from convert.tflite.builder import SOFFSET, UOFFSET, VOFFSET, Builder

Maybe: TypeAlias = Any  # what may be None: readers who know better need not ask
Vector: TypeAlias = Any  # numbers, or None: a memoryview of a file that was read, any sequence in what was made
Record = TypeVar("Record", bound="Table")
SCALARS = {format: struct.Struct("<" + format) for format in "?bBhHiIqQfd"}


@dataclass
class Field:
    """A field of a table.

    Attributes:
        kind: "scalar", "string", "vector" (of scalars), "table", "tables" (a vector of them) or "union".
        of: the format of a scalar as `struct` writes it, a table's class, or {number: class} of a union.
        default: the value where the file has none.
        skip: slots before it that nobody uses any more.
        name, slot: set by the table.
    """

    kind: str
    of: Any = None
    default: Any = None
    skip: int = 0
    name: str = ""
    slot: int = 0


def scalar(format: str, default: float = 0, skip: int = 0) -> Any:
    """A field of one number."""
    kind = float if format in "fd" else bool if format == "?" else int
    return Field("scalar", format, kind(default), skip)


def string() -> Any:
    """A field of text, which is bytes here: nobody vouches for its encoding."""
    return Field("string")


def vector(of: str | type) -> Any:
    """A field of several numbers of a format, or of several tables."""
    return Field("vector" if isinstance(of, str) else "tables", of)


def table(of: type) -> Any:
    """A field of one table."""
    return Field("table", of)


def union(of: Mapping[int, type]) -> Any:
    """A field of a table of one of several kinds; the field before it, named `..Type`, has the kind's number."""
    return Field("union", of)


class Table:
    """A table; fields that the file does not have are at their defaults."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    SLOTS: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        for name, field in list(vars(cls).items()):
            if isinstance(field, Field):
                field.name, field.slot = name, cls.SLOTS + field.skip
                cls.FIELDS, cls.SLOTS = (*cls.FIELDS, field), field.slot + 1
                setattr(cls, name, field.default)

    def __init__(self, *values: Any, **fields: Any) -> None:
        """Args: values of the first fields in their order, and of others by name."""
        for name, value in (*zip((field.name for field in self.FIELDS), values), *fields.items()):
            setattr(self, name, value)

    @classmethod
    def read(cls: type[Record], data: memoryview, position: int) -> Record:
        """The table at a byte of a file, all that it refers to with it.

        Raises:
            ValueError, struct.error: something of it is not within the file.
        """
        record, start = cls(), position - _number(SOFFSET, data, position)
        slots = _number(VOFFSET, data, start) // 2 - 2  # a vtable: its bytes, the table's, and an offset a field
        for field in cls.FIELDS:
            offset = _number(VOFFSET, data, start + 4 + 2 * field.slot) if field.slot < slots else 0
            if offset:
                setattr(record, field.name, READERS[field.kind](field, data, position + offset, record))
        return record

    def Pack(self, builder: Builder) -> int:
        """Writes the table, and gives its place, as flatc's classes do."""
        parts = {}
        for field in self.FIELDS:
            value = getattr(self, field.name)
            if value is not None:
                parts[field.slot] = PACKERS[field.kind](field, value, builder)
        builder.StartObject(self.SLOTS)
        for field in self.FIELDS:
            if field.kind == "scalar":
                _add_scalar(builder, field, parts[field.slot])
            elif field.slot in parts:
                builder.PrependUOffsetTRelativeSlot(field.slot, parts[field.slot], 0)
        return builder.EndObject()


def read_root(cls: type[Record], data: bytes) -> Record:
    """The table that a file is."""
    return cls.read(memoryview(data), UOFFSET.unpack_from(data, 0)[0])


def pack_numbers(builder: Builder, format: str, values: Any, alignment: int = 0) -> int:
    """Writes a vector of numbers at once, aligned to its elements or to more."""
    size, data = SCALARS[format].size, number_bytes(format, values)
    builder.StartVector(size, len(data) // size, alignment or size)
    builder.PlaceBytes(data)
    return builder.EndVector()


def number_bytes(format: str, values: Iterable[float]) -> bytes | memoryview:
    """Numbers as they lie in a file; bytes, which may come as anything that holds some, are not copied."""
    if format == "B" and not isinstance(values, (list, tuple)):
        held = memoryview(values)  # type: ignore[arg-type]
        return held if (held.format, held.ndim) == ("B", 1) and held.contiguous else bytes(held)
    numbers = list(values)
    return struct.pack(f"<{len(numbers)}{format}", *numbers)


def _number(number: struct.Struct, data: memoryview, position: int) -> Any:
    if position < 0:
        raise ValueError("an offset leads out of the file")
    return number.unpack_from(data, position)[0]


def _there(data: memoryview, position: int) -> int:
    """The place that an offset in the file refers to."""
    return position + _number(UOFFSET, data, position)


def _stretch(data: memoryview, position: int, size: int) -> memoryview:
    """The bytes of a vector whose elements have a size."""
    start = _there(data, position)
    stop = start + UOFFSET.size + _number(UOFFSET, data, start) * size
    if stop > len(data):
        raise ValueError("a vector does not end within the file")
    return data[start + UOFFSET.size : stop]


def _read_scalar(field: Field, data: memoryview, position: int, record: Table) -> Any:
    return _number(SCALARS[field.of], data, position)


def _read_string(field: Field, data: memoryview, position: int, record: Table) -> bytes:
    return bytes(_stretch(data, position, 1))


def _read_vector(field: Field, data: memoryview, position: int, record: Table) -> memoryview:
    return _stretch(data, position, SCALARS[field.of].size).cast(field.of)


def _read_table(field: Field, data: memoryview, position: int, record: Table) -> Table:
    return field.of.read(data, _there(data, position))


def _read_tables(field: Field, data: memoryview, position: int, record: Table) -> list[Table]:
    first = _there(data, position) + UOFFSET.size
    count = len(_stretch(data, position, UOFFSET.size)) // UOFFSET.size
    return [field.of.read(data, _there(data, first + UOFFSET.size * i)) for i in range(count)]


def _read_union(field: Field, data: memoryview, position: int, record: Table) -> Table | None:
    """None where the kind is not among those that are known."""
    kind = field.of.get(getattr(record, field.name + "Type"))
    return None if kind is None else kind.read(data, _there(data, position))


def _pack_tables(field: Field, values: Sequence[Table], builder: Builder) -> int:
    places = [value.Pack(builder) for value in values]
    builder.StartVector(UOFFSET.size, len(places), UOFFSET.size)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return builder.EndVector()


def _add_scalar(builder: Builder, field: Field, value: Any) -> None:
    """Writes a number where it is not the default."""
    if value != field.default:
        data = SCALARS[field.of].pack(value)
        builder.Prep(len(data), 0)
        builder.PlaceBytes(data)
        builder.Slot(field.slot)


READERS = {
    "scalar": _read_scalar,
    "string": _read_string,
    "vector": _read_vector,
    "table": _read_table,
    "tables": _read_tables,
    "union": _read_union,
}
PACKERS: dict[str, Any] = {
    "scalar": lambda field, value, builder: value,
    "string": lambda field, value, builder: builder.CreateString(value),
    "vector": lambda field, value, builder: pack_numbers(builder, field.of, value),
    "table": lambda field, value, builder: value.Pack(builder),
    "tables": _pack_tables,
    "union": lambda field, value, builder: value.Pack(builder),
}
