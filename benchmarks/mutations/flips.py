"""Files damaged byte by byte: a bit, a byte, a word, a stretch of them."""

import numpy as np

WORDS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def mutants(models: list[bytes], count: int, seed: int) -> list[bytes]:
    """`count` damaged models, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [mutate(models[rng.integers(len(models))], rng) for _ in range(count)]


def mutate(model: bytes, rng: np.random.Generator) -> bytes:
    """A model with one to three damages."""
    data = bytearray(model)
    for _ in range(rng.choice((1, 2, 3), p=(0.7, 0.2, 0.1))):
        damage = (_flip_bit, _set_byte, _set_word, _cut, _copy, _clear)[
            rng.choice(6, p=(0.25, 0.35, 0.25, 0.05, 0.05, 0.05))
        ]
        damage(data, rng)
    return bytes(data)


def _flip_bit(data: bytearray, rng: np.random.Generator) -> None:
    if data:
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)


def _set_byte(data: bytearray, rng: np.random.Generator) -> None:
    if data:
        data[rng.integers(len(data))] = rng.integers(256)


def _set_word(data: bytearray, rng: np.random.Generator) -> None:
    place = int(rng.integers(max(len(data) // 4, 1))) * 4
    value = rng.choice(WORDS) if rng.integers(2) else rng.integers(1 << 16)
    data[place : place + 4] = int(value).to_bytes(4, "little")


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(len(data) + 1) :]


def _copy(data: bytearray, rng: np.random.Generator) -> None:
    source, target, size = (int(n) for n in rng.integers(1, [max(len(data), 2), max(len(data), 2), 64]))
    data[target : target + size] = data[source : source + size]


def _clear(data: bytearray, rng: np.random.Generator) -> None:
    place, size = (int(n) for n in rng.integers(1, [max(len(data), 2), 32]))
    data[place : place + size] = bytes(len(data[place : place + size]))
