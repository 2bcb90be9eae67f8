"""Downloads that can be resumed: Range, If-Range, If-None-Match (RFC 9110, section 14).

Django 5.2 has no Range handling of its own, and the packages that add it stream
local files only, while ours may lie in an object store.
"""

import re
from collections.abc import Iterator
from typing import IO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def ranged_response(
    request: HttpRequest, file: IO[bytes], *, size: int, sha256: str, content_type: str
) -> HttpResponseBase:
    """All or part of an immutable file whose strong ETag is its content hash.

    A single range is honoured, several are answered with the whole. 304 for a known
    ETag, 416 for a range beyond the end, the whole for a stale If-Range.
    """
    etag = f'"{sha256}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    known = [
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("If-None-Match", "").split(",")
    ]
    if etag in known or "*" in known:
        file.close()
        return HttpResponse(status=304, headers=headers)
    start, end = 0, size - 1
    status = 200
    asked = _asked(request, etag)
    if asked is not None:
        found = _resolve(asked, size)
        if found is None:
            file.close()
            return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        start, end = found
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end - start + 1)
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers, content_type=content_type)
    return StreamingHttpResponse(
        _pieces(file, start, end - start + 1),
        status=status,
        headers=headers,
        content_type=content_type,
    )


def _asked(request: HttpRequest, etag: str) -> tuple[str, str] | None:
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    return match[1], match[2]


def _resolve(asked: tuple[str, str], size: int) -> tuple[int, int] | None:
    """First and last byte of a range, or None when it can not be satisfied."""
    first, last = asked
    if not first:  # the last n bytes
        length = min(int(last), size)
        return (size - length, size - 1) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end) if start <= end else None


def _pieces(file: IO[bytes], start: int, length: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while length > 0 and (piece := file.read(min(CHUNK, length))):
            length -= len(piece)
            yield piece
