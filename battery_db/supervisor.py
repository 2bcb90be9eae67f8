"""Several processes under one: prefixed output, restarts, and an end without orphans."""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0  # a child that lived this long has recovered
POLL_S = 0.2
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One long-lived process, started again with growing pauses when it dies."""

    name: str
    argv: Sequence[str]
    pause: float = FIRST_PAUSE_S
    start_at: float = 0.0


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    pipe: int
    started_at: float
    unfinished_line: bytes = field(default=b"", repr=False)

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill_group(self) -> None:
        """End it and every process it left behind: they would hold the port or the queue."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Writer(Protocol):
    """A file, or Django's wrapper of one."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Supervisor:
    """Runs children until SIGINT or SIGTERM; ``grace`` seconds later it kills what is left."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        output: Writer = sys.stdout,
        grace: float = 15.0,
        tick: Callable[["Supervisor"], None] = lambda supervisor: None,
    ) -> None:
        self.children = children
        self.output = output
        self.grace = grace
        self._tick = tick
        self._running: dict[str, _Running] = {}
        self._stop_signals = 0
        self._selector = selectors.DefaultSelector()
        self._width = max(len(child.name) for child in children)

    def run(self) -> None:
        with _signals_to(self._on_signal):
            try:
                while not self._stop_signals:
                    self._start_due()
                    self._read(POLL_S)
                    self._tick(self)
            finally:
                self._stop()

    def say(self, text: str, name: str = "lab") -> None:
        self.output.write(f"{name:<{self._width}} | {text}\n")
        self.output.flush()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signals += 1

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self.children:
            running = self._running.get(child.name)
            if running is None:
                if now >= child.start_at:
                    self._start(child, now)
            elif not running.is_alive:
                self._bury(running, now)

    def _start(self, child: Child, now: float) -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        process = subprocess.Popen(  # noqa: S603 - our own command lines
            child.argv,
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # A group of its own: the terminal's Ctrl-C reaches this process only, which
            # then stops the children in its own way.
            start_new_session=True,
            preexec_fn=_die_with_parent if _libc else None,
        )
        os.close(write_end)
        running = _Running(child, process, read_end, now)
        self._running[child.name] = running
        self._selector.register(read_end, selectors.EVENT_READ, running)

    def _bury(self, running: _Running, now: float) -> None:
        child = running.child
        self._end(running)
        if now - running.started_at > STEADY_AFTER_S:
            child.pause = FIRST_PAUSE_S
        code = running.process.returncode
        self.say(f"{child.name} ended with {code}; starts again in {child.pause:.0f} s")
        child.start_at = now + child.pause
        child.pause = min(2 * child.pause, LONGEST_PAUSE_S)

    def _end(self, running: _Running) -> None:
        running.kill_group()
        self._read(0)
        if running.unfinished_line:
            self.say(running.unfinished_line.decode(errors="replace"), running.child.name)
        with contextlib.suppress(KeyError):
            self._selector.unregister(running.pipe)
        os.close(running.pipe)
        del self._running[running.child.name]

    def _read(self, timeout: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout)
            return
        for key, _ in self._selector.select(timeout):
            running: _Running = key.data
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._selector.unregister(key.fd)
                continue
            *lines, running.unfinished_line = (running.unfinished_line + chunk).split(b"\n")
            for line in lines:
                self.say(line.decode(errors="replace").rstrip(), running.child.name)

    def _stop(self) -> None:
        """SIGTERM to each child; after the grace, or a second Ctrl-C, SIGKILL to its group."""
        running = list(self._running.values())
        self.say("stopping " + ", ".join(self._running))
        for each in running:
            each.process.terminate()
        deadline = time.monotonic() + self.grace
        while any(each.is_alive for each in running):
            self._read(POLL_S)
            if self._stop_signals > 1 or time.monotonic() > deadline:
                break
        for each in running:
            self._end(each)
        self._selector.close()
        self.say("stopped")


@contextlib.contextmanager
def _signals_to(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


# Loaded before any fork: between fork and exec only the system call is left to do.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Ask Linux to end this process when the supervisor is killed without a word."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
