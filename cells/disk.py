"""Asking a disk that may never answer: a child process looks, and its silence is noticed.

A call into a network share that hangs can not be interrupted, not even by a signal. So
the calls are made by a child, which is given up when nothing comes of it in time; the
one that asked goes on. ``python -m cells.disk ROOT`` is that child: it reads requests
from its input, one JSON document per line, and answers likewise.
"""

import json
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from cells.scanning import (
    Entry,
    FileChanged,
    FolderUnavailable,
    Obstacle,
    Subfolder,
    absolute,
    copy_file,
    hash_file,
    list_folder,
)

CHILD = (sys.executable, "-m", "cells.disk")
START_SECONDS = 120.0  # for an interpreter to start on a busy machine
ENTRIES_PER_LINE = 500
READ_BYTES = 1024 * 1024
Listed = Entry | Subfolder | Obstacle
Say = Callable[[Mapping[str, Any]], None]
_KINDS: Mapping[str, Callable[..., Listed]] = {
    "file": Entry,
    "obstacle": Obstacle,
    "folder": Subfolder,
}


class Disk(Protocol):
    """One root: its folders are listed and its files are read, by relative path."""

    def list(self, path: str) -> Iterator[Listed]: ...

    def hash(self, path: str, size: int, mtime_ns: int) -> str: ...

    def copy(self, path: str, size: int, mtime_ns: int, target: str) -> None: ...


class OwnDisk:
    """A root that is asked from this very process: for disks that always answer."""

    def __init__(self, root: str) -> None:
        self.root = root

    def list(self, path: str) -> Iterator[Listed]:
        return list_folder(self.root, path)

    def hash(self, path: str, size: int, mtime_ns: int) -> str:
        return hash_file(absolute(self.root, path), size, mtime_ns)

    def copy(self, path: str, size: int, mtime_ns: int, target: str) -> None:
        copy_file(absolute(self.root, path), size, mtime_ns, target)


class GuardedDisk:
    """A root that is asked through a child, for ``seconds`` at most between two signs of life.

    A folder that gave no answer is an Obstacle, a file a TimeoutError; the next request
    starts a new child.
    """

    def __init__(self, root: str, seconds: float) -> None:
        self.root = root
        self.seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._rest = b""  # of an answer that is still coming

    def list(self, path: str) -> Iterator[Listed]:
        try:
            for answer in self._ask({"list": path}):
                if "unavailable" in answer:
                    message, fix = answer["unavailable"]
                    raise FolderUnavailable(message, fix=fix)
                for kind, values in answer["found"]:
                    yield _KINDS[kind](*values)
        except TimeoutError as silence:
            yield Obstacle(path, str(silence), is_silence=True)

    def hash(self, path: str, size: int, mtime_ns: int) -> str:
        return self._read({"hash": [path, size, mtime_ns]})

    def copy(self, path: str, size: int, mtime_ns: int, target: str) -> None:
        """Copy a file to ``target``, a path on a disk that always answers."""
        self._read({"copy": [path, size, mtime_ns], "to": target})

    def _read(self, request: dict[str, Any]) -> str:
        digest = ""
        for answer in self._ask(request):
            if "changed" in answer:
                raise FileChanged
            if "errno" in answer:
                raise OSError(*answer["errno"])
            digest = answer.get("sha256", digest)
        return digest

    def close(self) -> None:
        """Let the child go. One that hangs in a system call is not waited for."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what was not sent yet
                    stream.close()
        # One that hangs in the kernel ends when the share answers, whenever that is.
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.2)

    def _ask(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        child = self._child or self._start()
        try:
            assert child.stdin is not None  # noqa: S101 - it is a pipe
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            for line in self._answers(child.stdout, self.seconds):
                answer = json.loads(line)
                if "done" in answer:
                    return
                yield answer
        except (TimeoutError, BrokenPipeError) as error:
            self.close()
            raise TimeoutError(f"no answer within {self.seconds:g} s") from error
        self.close()
        raise TimeoutError("the process that looked at it ended")

    def _start(self) -> subprocess.Popen[bytes]:
        home = Path(__file__).parents[1]
        child = subprocess.Popen(  # noqa: S603 - this very program
            [*CHILD, self.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=home
        )
        self._child, self._rest = child, b""
        for _ in self._answers(child.stdout, START_SECONDS):
            break  # the first line says that it is ready
        return child

    def _answers(self, stream: IO[bytes] | None, seconds: float) -> Iterator[bytes]:
        """Lines as they come. TimeoutError when nothing comes in time."""
        assert stream is not None  # noqa: S101 - it is a pipe
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while selector.select(seconds):
                chunk = stream.read1(READ_BYTES)  # type: ignore[attr-defined]
                if not chunk:
                    return
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                yield from lines
        raise TimeoutError


@contextmanager
def open_disk(root: str, seconds: float) -> Iterator[Disk]:
    """The disk of a root; ``seconds`` 0 asks it from this process, without a guard."""
    if not seconds:
        yield OwnDisk(root)
        return
    disk = GuardedDisk(root, seconds)
    try:
        yield disk
    finally:
        disk.close()


def serve(root: str, requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until there are no more."""

    def say(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say({"ready": True})
    for line in requests:
        request = json.loads(line)
        if "list" in request:
            _say_listing(root, request["list"], say)
        elif "copy" in request:
            _say_content(root, request["copy"], say, request["to"])
        else:
            _say_content(root, request["hash"], say)
        say({"done": True})


def _say_listing(root: str, path: str, say: Say) -> None:
    listing = list_folder(root, path)
    try:
        while batch := [_as_line(item) for item in islice(listing, ENTRIES_PER_LINE)]:
            say({"found": batch})
    except FolderUnavailable as error:
        say({"unavailable": [error.message, error.fix]})


def _as_line(item: Listed) -> tuple[str, tuple[Any, ...]]:
    if isinstance(item, Entry):
        return "file", (item.path, item.name, item.size, item.mtime_ns)
    if isinstance(item, Obstacle):
        return "obstacle", (item.path, item.reason)
    return "folder", (item.path,)


def _say_content(
    root: str, expected: tuple[str, int, int], say: Say, target: str | None = None
) -> None:
    """The digest of a file, or nothing once it was copied to ``target``."""
    path, size, mtime_ns = expected

    def sign() -> None:
        say({"reading": True})

    try:
        if target is None:
            say({"sha256": hash_file(absolute(root, path), size, mtime_ns, sign)})
        else:
            copy_file(absolute(root, path), size, mtime_ns, target, sign)
    except FileChanged:
        say({"changed": True})
    except OSError as error:
        say({"errno": [error.errno, error.strerror]})


def main(arguments: Sequence[str]) -> None:
    serve(arguments[0], sys.stdin, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
