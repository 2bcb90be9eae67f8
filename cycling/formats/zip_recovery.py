"""The leading members of a zip archive that was cut off before its table of contents."""

import struct
import zlib

SIGNATURE = b"PK\x03\x04"
HEADER = struct.Struct("<4s5H3I2H")
STORED, DEFLATED = 0, 8


def leading_members(data: bytes, limit: int) -> dict[str, bytes]:
    """Name -> content of the members from the front, the last one as far as it goes.

    Follows local headers only, and stops at the first that makes no sense or when more
    than ``limit`` bytes came out. A whole member whose checksum is wrong is left out.
    """
    members: dict[str, bytes] = {}
    position = total = 0
    while data[position : position + 4] == SIGNATURE and position + HEADER.size <= len(data):
        _, _, _, method, _, _, checksum, packed, size, name_size, extra_size = HEADER.unpack_from(
            data, position
        )
        start = position + HEADER.size + name_size + extra_size
        name = data[position + HEADER.size :][:name_size].decode("utf-8", "replace")
        content, used = _content(data, start, method, packed, limit - total)
        total += len(content)
        # Zero where the writer did not know them yet; a cut member has none to compare.
        is_whole = checksum and len(content) == size
        if not is_whole or zlib.crc32(content) == checksum:
            members[name] = content
        if used == 0 or total >= limit:
            break
        following = data.find(SIGNATURE, start + used)
        if following < 0:
            break
        position = following
    return members


def _content(data: bytes, start: int, method: int, packed: int, limit: int) -> tuple[bytes, int]:
    if method == STORED and packed:
        return data[start : start + packed][:limit], packed
    if method != DEFLATED:
        return b"", 0
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    window = memoryview(data)[start : start + packed] if packed else memoryview(data)[start:]
    try:
        content = inflate.decompress(window, limit)
    except Exception:  # noqa: BLE001 - fastnda puts isal in zlib's place, with errors of its own
        return b"", 0
    return content, len(window) - len(inflate.unused_data) - len(inflate.unconsumed_tail)
