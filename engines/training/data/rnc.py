r"""Rob Northen compression, method 1, as games of the nineties pack their files: LZ77 with Huffman codes.

A packed file begins with ``RNC\1``, the sizes unpacked and packed (u32), their CRC-16 (u16), the leeway and the number
of chunks (u8), all big-endian. Codes are read from the lowest bit of little-endian words; literal bytes lie between the
words, behind the last one of which a bit was read.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Final

MAGIC: Final = b"RNC\1"
_HEAD: Final = struct.Struct(">4sIIHHBB")
_LARGEST: Final = 1 << 24


def unpack(data: bytes) -> bytes:
    """What was packed.

    Args:
        data: begins with :data:`MAGIC`; what follows the packed bytes is not looked at.

    Raises:
        ValueError: the data are not packed so, cut off, or damaged.
    """
    if len(data) < _HEAD.size or data[:4] != MAGIC:
        raise ValueError("not RNC of method 1")
    _, size, packed, unpacked_crc, packed_crc, _, chunks = _HEAD.unpack_from(data)
    body = data[_HEAD.size : _HEAD.size + packed]
    if size > _LARGEST or len(body) < packed or crc16(body) != packed_crc:
        raise ValueError("RNC data are cut off or damaged")
    bits, out = _Bits(body), bytearray()
    bits.take(2)  # two flags of the packer's
    for _ in range(chunks):
        literals, distances, lengths = _Code(bits), _Code(bits), _Code(bits)
        for left in range(bits.take(16), 0, -1):
            out += bits.literal(literals.number())
            if left > 1:
                distance, length = distances.number() + 1, lengths.number() + 2
                if distance > len(out):
                    raise ValueError("RNC data refer to what is not there")
                start = len(out) - distance
                found = out[start : start + length]
                out += found if len(found) == length else (found * (length // distance + 1))[:length]
        if len(out) > size:
            break
    if len(out) != size or crc16(bytes(out)) != unpacked_crc:
        raise ValueError("RNC data are damaged")
    return bytes(out)


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005 reflected, from 0."""
    table, value = _crc_table(), 0
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return value


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)  # noqa: PLW2901
        table.append(value)
    return tuple(table)


class _Bits:
    """Bits from words, and bytes from between them."""

    def __init__(self, data: bytes) -> None:
        self._data = data + bytes(4)  # the last code may look past the end
        self._place = 0
        self._value = 0
        self._count = 0

    def look(self) -> int:
        """At least the next 16 bits, the next one lowest."""
        data, place = self._data, self._place
        return self._value | int.from_bytes(data[place : place + 2], "little") << self._count

    def take(self, count: int) -> int:
        """The next bits, up to 16, as a number."""
        if count > self._count:
            if self._place > len(self._data) - 2:
                raise ValueError("RNC data are cut off")
            self._value = self.look()
            self._place += 2
            self._count += 16
        found = self._value & (1 << count) - 1
        self._value >>= count
        self._count -= count
        return found

    def literal(self, count: int) -> bytes:
        """The next bytes."""
        self._place += count
        return self._data[self._place - count : self._place]


class _Code:
    """A Huffman code for numbers: the code gives the number of bits, those below the highest follow it."""

    def __init__(self, bits: _Bits) -> None:
        sizes = [bits.take(4) for _ in range(bits.take(5))]
        longest = max(sizes, default=0)
        self._bits = bits
        self._mask = (1 << longest) - 1
        self._found: list[tuple[int, int]] = [(0, 0)] * (1 << longest)
        code = 0
        for size in range(1, longest + 1):
            code <<= 1
            for symbol, own in enumerate(sizes):
                if own == size:
                    if code >> size:
                        raise ValueError("RNC data hold an impossible code")
                    start = int(f"{code:0{size}b}"[::-1], 2)
                    self._found[start :: 1 << size] = [(symbol, size)] * (1 << longest - size)
                    code += 1

    def number(self) -> int:
        symbol, size = self._found[self._bits.look() & self._mask]
        if not size:
            raise ValueError("RNC data hold an unknown code")
        self._bits.take(size)
        return symbol if symbol < 2 else 1 << symbol - 1 | self._bits.take(symbol - 1)
