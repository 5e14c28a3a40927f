"""A flatbuffer written from its end, in parts that are put together once: constants go from file to file uncopied.

Its methods have the names of `flatbuffers.Builder`, and the file the same bytes. That one writes in an array that has
to be as large as the file, and brings NumPy: three times the memory of a large model.
"""

import struct

UOFFSET, SOFFSET, VOFFSET = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<H")


class Builder:
    """Places are counted from the end of the file, which does not move while the file grows at its beginning."""

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []  # the last one is the first in the file
        self._size, self._alignment = 0, 1
        self._vtables: dict[bytes, int] = {}
        self._slots: list[int] = []
        self._object_end = self._count = 0

    def Output(self) -> bytes:
        """The file, from the last root on."""
        return b"".join(reversed(self._parts))

    def Offset(self) -> int:
        """The place of what was written last."""
        return self._size

    def Prep(self, size: int, more: int) -> None:
        """Pads so that what follows is aligned to a size, when so many bytes more lie before it."""
        self._alignment = max(self._alignment, size)
        if padding := -(self._size + more) % size:
            self.PlaceBytes(bytes(padding))

    def PlaceBytes(self, data: bytes | memoryview) -> None:
        """Puts bytes before all others; they may not change until the file is put together."""
        self._parts.append(data)
        self._size += len(data)

    def PrependUOffsetTRelative(self, place: int) -> None:
        """Refers to a place."""
        self.Prep(UOFFSET.size, 0)
        self.PlaceBytes(UOFFSET.pack(self._size + UOFFSET.size - place))

    def StartVector(self, size: int, count: int, alignment: int) -> None:
        """Begins a vector of so many elements of a size, which are put from the last to the first."""
        self._count = count
        self.Prep(UOFFSET.size, size * count)
        self.Prep(alignment, size * count)

    def EndVector(self) -> int:
        """Ends a vector and gives its place."""
        self.PlaceBytes(UOFFSET.pack(self._count))
        return self._size

    def CreateString(self, text: bytes | str) -> int:
        """Writes bytes, of a text in UTF-8, with a zero behind them, and gives their place."""
        text = text.encode() if isinstance(text, str) else text
        self._count = len(text)
        self.Prep(UOFFSET.size, len(text) + 1)
        self.PlaceBytes(text + b"\0")
        return self.EndVector()

    def StartObject(self, slots: int) -> None:
        """Begins a table of so many fields."""
        self._slots, self._object_end = [0] * slots, self._size

    def Slot(self, slot: int) -> None:
        """What was written last is a field of the table."""
        self._slots[slot] = self._size

    def PrependUOffsetTRelativeSlot(self, slot: int, place: int, default: int) -> None:
        """Refers to a place in a field of the table, unless it is the default."""
        if place != default:
            self.PrependUOffsetTRelative(place)
            self.Slot(slot)

    def EndObject(self) -> int:
        """Ends a table and gives its place; tables with the same fields at the same bytes share what says so."""
        self.Prep(SOFFSET.size, 0)
        self.PlaceBytes(bytes(SOFFSET.size))
        reference, start = len(self._parts) - 1, self._size
        vtable = self._vtable(start)
        if vtable not in self._vtables:
            self.PlaceBytes(vtable)
            self._vtables[vtable] = self._size
        self._parts[reference] = SOFFSET.pack(self._vtables[vtable] - start)
        return start

    def _vtable(self, start: int) -> bytes:
        """Its bytes, those of the table, and for each field up to the last how far it is from the table's start."""
        fields = [start - place if place else 0 for place in self._slots]
        while fields and not fields[-1]:
            fields.pop()
        numbers = (VOFFSET.size * (len(fields) + 2), start - self._object_end, *fields)
        return struct.pack(f"<{len(numbers)}H", *numbers)

    def Finish(self, root: int, identifier: bytes) -> None:
        """Writes the beginning of a file, which says what it is and where its root lies."""
        self.Prep(self._alignment, UOFFSET.size + len(identifier))
        self.PlaceBytes(identifier)
        self.PrependUOffsetTRelative(root)
