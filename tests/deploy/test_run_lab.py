"""The whole lab under one process: it answers, it survives a loss, it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.deploy.processes import ROOT, lab_environment, processes_with, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
START_S = 120


class Lab:
    def __init__(self, folder, process):
        self.data_dir = str(folder / "var")
        self.log = folder / "lab.log"
        self.process = process

    @property
    def url(self) -> str:
        return re.search(r"battery_db is at (\S+)", self.log.read_text())[1]

    def processes(self) -> list[int]:
        return processes_with(f"BATTERY_DB_DATA_DIR={self.data_dir}")

    def says(self, text: str, *, times: int = 1) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"run_lab ended with {self.process.returncode}:\n{self.log.read_text()}")
        return self.log.read_text().count(text) >= times


@pytest.fixture
def lab(tmp_path):
    """A running lab on SQLite and the file broker, with a database of its own."""
    environment = lab_environment(BATTERY_DB_DATA_DIR=str(tmp_path / "var"))
    with (tmp_path / "lab.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_lab", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    lab = Lab(tmp_path, process)
    try:
        wait_until(lambda: lab.says("battery_db is at"), seconds=START_S, what="the web process")
        wait_until(lambda: lab.says(" ready."), seconds=START_S, what="the worker")
        yield lab
    finally:
        process.kill()
        process.wait()


def test_ctrl_c_stops_everything_and_leaves_no_process(lab):
    with urllib.request.urlopen(f"{lab.url}healthz", timeout=10) as answer:
        assert answer.status == 200

    lab.process.send_signal(signal.SIGINT)

    assert lab.process.wait(timeout=40) == 0
    assert lab.processes() == []
    assert "| stopped" in lab.log.read_text()


def test_a_killed_worker_comes_back_and_a_killed_lab_leaves_no_process(lab):
    # The worker itself leads its session; its pool of processes follows.
    worker = next(
        pid for pid in lab.processes() if os.getsid(pid) == pid and b"worker" in _arguments(pid)
    )

    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: lab.says(" ready.", times=2), seconds=START_S, what="a new worker")
    lab.process.kill()

    lab.process.wait()
    wait_until(lambda: not lab.processes(), seconds=40, what="the children to follow")


def _arguments(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
