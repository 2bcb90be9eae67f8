"""The embedded broker: many processes at one folder, and nothing lost, doubled or left over."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from battery_db.lib import broker

ROOT = Path(__file__).parents[2]
PRODUCERS, CONSUMERS, MESSAGES = 3, 2, 100
PRODUCE = """
queue = open_queue()
for number in range({messages}):
    queue.put({{"id": "{name}-%d" % number, "ballast": "x" * 50_000}})
"""
CONSUME = """
import sys, time
queue = open_queue()
idle_until = time.monotonic() + {patience}
while time.monotonic() < idle_until:
    try:
        message = queue.get(block=False)
    except queue.Empty:
        time.sleep(0.005)
        continue
    assert len(message.payload["ballast"]) == 50_000
    print(message.payload["id"], flush=True)
    message.ack()
    idle_until = time.monotonic() + 2
"""
OPEN = """
from kombu import Connection
from battery_db.lib import broker
def open_queue():
    broker.register()
    options = {{"data_folder_in": {folder!r}, "data_folder_out": {folder!r}, "control_folder": {control!r}}}
    return Connection("labfs://", transport_options=options).SimpleQueue("work")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "messages").mkdir()
    return tmp_path / "messages"


@pytest.fixture
def channel(folder):
    broker.register()
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder.parent / "control"),
    }
    with Connection("labfs://", transport_options=options) as connection:
        yield connection.default_channel


def run(folder, code, **values):
    head = OPEN.format(folder=str(folder), control=str(folder.parent / "control"))
    return subprocess.Popen(
        [sys.executable, "-c", head + code.format(**values)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_processes_that_write_and_read_at_once_lose_no_message(folder):
    consumers = [run(folder, CONSUME, patience=30) for _ in range(CONSUMERS)]
    producers = [run(folder, PRODUCE, messages=MESSAGES, name=n) for n in range(PRODUCERS)]

    outputs = [process.communicate(timeout=60)[0] for process in (*producers, *consumers)]

    assert {process.returncode for process in (*producers, *consumers)} == {0}
    taken = Counter(line for output in outputs for line in output.split())
    sent = {f"{name}-{number}" for name in range(PRODUCERS) for number in range(MESSAGES)}
    assert taken == Counter(sent)
    assert list(folder.iterdir()) == []


def test_messages_of_one_queue_come_in_the_order_they_were_sent(channel):
    for number in range(5):
        channel._put("work", {"number": number})
        channel._put("other", {"number": -number})

    assert [channel._get("work")["number"] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert channel._size("work") == 0
    assert channel._size("other") == 5


def test_a_draft_is_no_message(channel, folder):
    (folder / ".1_a.work.msg.draft").write_text("{")

    with pytest.raises(Empty):
        channel._get("work")


def test_remains_of_killed_processes_are_removed_in_time(channel, folder):
    old = time.time() - 2 * 24 * 3600
    leftovers = [".1_a.work.msg.draft", ".1_b.work.msg.taken", "1_c.nobody.msg"]
    for name in [*leftovers, "1_d.work.msg"]:
        (folder / name).write_text("{}")
    for name in leftovers:
        os.utime(folder / name, (old, old))

    channel._put("work", {"number": 1})

    assert not any((folder / name).exists() for name in leftovers)
    assert channel._size("work") == 2


def test_a_queue_is_bound_in_a_table_that_is_never_empty(channel, folder):
    channel._queue_bind("work", "work", "", "work")
    channel._queue_bind("work", "more", "", "more")

    assert {row.queue for row in channel.get_table("work")} == {"work", "more"}
    assert [path.name for path in (folder.parent / "control").iterdir()] == ["work.exchange"]
