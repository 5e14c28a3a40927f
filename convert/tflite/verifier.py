"""Is a file a TFLite flatbuffer whose every part lies within it? Asked before its parts are unpacked.

The walk goes through the tables of the schema (tensorflow/compiler/mlir/lite/schema/schema.fbs) and stops at the first
offset that leaves the file. Tables may be shared in a flatbuffer, so that a small file could unpack to gigabytes: their
number is limited.
"""

import struct
from typing import Any

FILE_IDENTIFIER = b"TFL3"
MAX_FILE_BYTES = 1 << 28  # above any part's flash, and a bound on what reading costs
MAX_WORK = 1 << 26  # dimensions that are looked at, if all operands had the most: 20,000 of 4 in such a model
MAX_NUMBERS = 1 << 20  # of shapes and of what operators read and write; a model of 1,000 operators has about 20,000
MAX_TABLES = 50_000  # a model of 1,000 operators has about 10,000
COUNTED = {"Operator": (1, 2, 8), "Tensor": (0, 7)}
UOFFSET, SOFFSET, VOFFSET = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<H")

# What each field of a table is, by its slot: the bytes of a scalar, "name" of a table, ["name"] for a vector of tables,
# [bytes] for a vector of scalars, and "?" for a table of any kind (unions and options: only their frame is looked at).
SCHEMA: dict[str, dict[int, Any]] = {
    "Model": {
        0: 4,
        1: ["OperatorCode"],
        2: ["SubGraph"],
        3: [1],
        4: ["Buffer"],
        5: [4],
        6: ["Metadata"],
        7: ["SignatureDef"],
    },
    "OperatorCode": {0: 1, 1: [1], 2: 4, 3: 4},
    "SubGraph": {0: ["Tensor"], 1: [4], 2: [4], 3: ["Operator"], 4: [1], 5: 4},
    "Tensor": {0: [4], 1: 1, 2: 4, 3: [1], 4: "Quantization", 5: 1, 6: "Sparsity", 7: [4], 8: 1, 9: ["Variant"]},
    "Quantization": {0: [4], 1: [4], 2: [4], 3: [8], 4: 1, 5: "?", 6: 4},
    "Sparsity": {0: [4], 1: [4], 2: ["Dimension"]},
    "Dimension": {0: 1, 1: 4, 2: 1, 3: "?", 4: 1, 5: "?"},
    "Variant": {0: [4], 1: 1, 2: 1},
    "Operator": {0: 4, 1: [4], 2: [4], 3: 1, 4: "?", 5: [1], 6: 1, 7: [1], 8: [4], 9: 8, 10: 8, 11: 1, 12: "?"},
    "Buffer": {0: [1], 1: 8, 2: 8},
    "Metadata": {0: [1], 1: 4},
    "SignatureDef": {0: ["TensorMap"], 1: ["TensorMap"], 2: [1], 4: 4},
    "TensorMap": {0: [1], 1: 4},
    "?": {},
}


class DamagedModel(ValueError):
    """The file is no TFLite flatbuffer, or its parts do not lie within it."""


def verify_flatbuffer(data: bytes) -> None:
    """Checks the identifier, every table, vector and offset of a model, and their number.

    Args:
        data: bytes of a file that need not be a model.

    Raises:
        DamagedModel: with what is wrong, and where in the file.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DamagedModel(f"it has {len(data):,} bytes; more than {MAX_FILE_BYTES:,} are not read")
    if data[4:8] != FILE_IDENTIFIER:
        raise DamagedModel("bytes 4 to 7 are not TFL3")
    _Walk(data).table(_Walk(data).offset(0), "Model")


class _Walk:
    """Goes through the tables of a file; a table reached twice is counted twice, for it is unpacked twice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables = self._numbers = self._operands = self._rank = 0

    def table(self, position: int, name: str) -> None:
        self._tables += 1
        if self._tables > MAX_TABLES:
            raise DamagedModel(f"it has more than {MAX_TABLES:,} tables")
        slots, size = self._frame(position)
        fields = SCHEMA[name]
        for slot, offset in enumerate(slots):
            if offset >= size:
                raise DamagedModel(f"field {slot} of the table at byte {position} is outside of it")
            if offset and slot in fields:
                self._field(position + offset, fields[slot])
                self._count_numbers(name, slot, position + offset)

    def _count_numbers(self, name: str, slot: int, position: int) -> None:
        """Vectors may be shared like tables: a thousand operators can have the same thousand inputs."""
        if slot in COUNTED.get(name, ()):
            count = self._read(UOFFSET, self.offset(position))
            self._numbers += count
            if name == "Operator":
                self._operands += count
            else:
                self._rank = max(self._rank, count)
            if self._numbers > MAX_NUMBERS or self._operands * self._rank > MAX_WORK:
                raise DamagedModel(
                    f"its operators and shapes have more than {MAX_NUMBERS:,} numbers; more are not read"
                )

    def offset(self, position: int) -> int:
        """The place that an offset in the file refers to."""
        return position + self._read(UOFFSET, position)

    def _frame(self, position: int) -> tuple[tuple[int, ...], int]:
        """Offsets of a table's fields, 0 for those left out, and the bytes of the table."""
        vtable = position - self._read(SOFFSET, position)
        length, size = self._read(VOFFSET, vtable), self._read(VOFFSET, vtable + 2)
        self._within(vtable, length)
        self._within(position, size)
        if length < 4 or length % 2:
            raise DamagedModel(f"the table at byte {position} has a vtable of {length} bytes")
        return struct.unpack_from(f"<{length // 2 - 2}H", self._data, vtable + 4), size

    def _field(self, position: int, kind: int | str | list) -> None:
        if isinstance(kind, int):
            self._within(position, kind)
        elif isinstance(kind, str):
            self.table(self.offset(position), kind)
        else:
            self._vector(self.offset(position), kind[0])

    def _vector(self, position: int, element: int | str) -> None:
        count, start = self._read(UOFFSET, position), position + UOFFSET.size
        self._within(start, count * (element if isinstance(element, int) else UOFFSET.size))
        if isinstance(element, str):
            for place in range(start, start + count * UOFFSET.size, UOFFSET.size):
                self.table(self.offset(place), element)

    def _read(self, number: struct.Struct, position: int) -> int:
        self._within(position, number.size)
        return number.unpack_from(self._data, position)[0]

    def _within(self, position: int, size: int) -> None:
        if position < 0 or position + size > len(self._data):
            raise DamagedModel(f"bytes {position} to {position + size - 1} are not in the file of {len(self._data)}")
