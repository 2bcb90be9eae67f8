"""The client against a small server of its own: resume, checks, clear errors, training."""

import copy
import functools
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cycling.curves import curves_of
from cycling.exports.tensors import Cell, CellGroup, TensorCompiler, options_for
from ml import client as client_module
from ml.client import Client, ClientError, read_safetensors
from tests.cycling.test_curves import rows_of, series

TOKEN = "abc.def"


@functools.cache
def compiled() -> tuple[dict[int, bytes], dict[str, Any]]:
    """Five cells of three cycles in three shards, and their manifest."""
    shards: dict[int, bytes] = {}
    compiler = TensorCompiler(options_for(3.0, 4.2, cells_per_shard=2), shards.__setitem__)
    for number in range(5):
        capacity = 1.0 + 0.05 * number
        frame = series(capacity=capacity)
        rows = rows_of(frame)
        # Of each cell the second dataset holds the last cycle only.
        rows = rows.with_columns(
            dataset_mask=pl.when(pl.col("cycle") == pl.col("cycle").max()).then(3).otherwise(1)
        )
        compiler.add(
            Cell(10_001 + number, theoretical_capacity_ah=capacity),
            [CellGroup(71, "charge", 1, False), CellGroup(72, "discharge", 1, False)],
            rows,
            curves_of(frame, rows),
        )
    cells = [[{"cell_id": 10_001 + number, "name": name} for number in range(5)] for name in "ab"]
    parts = [{"name": "All", "cells": cells[0]}, {"name": "Last", "cells": cells[1]}]
    return shards, compiler.finish({"dataset": "All + Last", "datasets": parts})


class Lab:
    """What the server holds, how it misbehaves, and what it was asked."""

    url: str

    def __init__(self) -> None:
        self.shards, self.manifest = copy.deepcopy(compiled())
        self.asked: list[tuple[str, str, str | None]] = []
        self.cut_at: list[int] = []  # bytes after which the next shard answers break off
        self.states = ["queued", "running", "succeeded"]
        self.job_end: dict[str, Any] = {"result": {"snapshot": 3}}
        self.honours_ranges = True
        self.sent: Any = None
        self.refusal: tuple[int, bytes, dict[str, str]] | None = None

    def answer(self, method: str, path: str) -> Any:
        if path == "/api/v1/datasets/":
            return {
                "results": [{"slug": "a"}],
                "next": "http://elsewhere:1/api/v1/datasets/?cursor=2",
            }
        if path == "/api/v1/datasets/?cursor=2":
            return {"results": [{"slug": "b"}], "next": None}
        if method == "POST":
            return {"job": "j1", "url": "/api/v1/jobs/j1/"}
        if path == "/api/v1/jobs/j1/":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return {"state": state, "result": {}, **(self.job_end if state != "running" else {})}
        return self.manifest


class Handler(BaseHTTPRequestHandler):
    lab: Lab

    def do_GET(self) -> None:
        if size := int(self.headers.get("Content-Length", 0)):
            self.lab.sent = json.loads(self.rfile.read(size))
        asked = self.headers.get("Range")
        self.lab.asked.append((self.command, self.path, asked))
        if self.lab.refusal:
            status, body, headers = self.lab.refusal
            return self.reply(status, body, headers)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            body = json.dumps({"error": "No token.", "fix": ""}).encode()
            return self.reply(401, body, {})
        if "/shards/" in self.path:
            return self.shard(int(self.path.split("/")[-2]), asked)
        body = json.dumps(self.lab.answer(self.command, self.path)).encode()
        return self.reply(202 if self.command == "POST" else 200, body, {})

    do_POST = do_GET

    def shard(self, number: int, asked: str | None) -> None:
        body = self.lab.shards[number]
        etag = f'"{self.lab.manifest["shards"][number]["sha256"]}"'
        if asked and self.lab.honours_ranges and self.headers.get("If-Range", etag) == etag:
            first = int(asked.removeprefix("bytes=").split("-")[0])
            if first >= len(body):
                return self.reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            said = {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
            return self.reply(206, body[first:], said)
        return self.reply(200, body, {"ETag": etag})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if "/shards/" in self.path and status in (200, 206) and self.lab.cut_at:
            body = body[: self.lab.cut_at.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing: the tests look at ``Lab.asked``."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    held = Lab()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (Handler,), {"lab": held}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    sleep = client_module.time.sleep
    monkeypatch.setattr(client_module.time, "sleep", lambda second: sleep(min(second, 0.01)))


def shard_requests(lab: Lab) -> list[str | None]:
    return [asked for _, path, asked in lab.asked if "/shards/" in path]


def test_a_dataset_is_compiled_downloaded_and_opened(lab, tmp_path):
    client = Client(lab.url, TOKEN)

    snapshot = client.load(client.compile("demo", poll_second=0), tmp_path)

    arrays = snapshot.arrays(["cycle", "capacity", "cc_capacity"])
    assert len(arrays["cycle"]) == 30
    assert arrays["cc_capacity"].shape == (30, 48)
    assert lab.asked[0][:2] == ("POST", "/api/v1/snapshots/")
    assert lab.sent == {"datasets": ["demo"]}


def test_datasets_that_were_frozen_together_are_read_together_or_one_by_one(lab, tmp_path):
    client = Client(lab.url, TOKEN)

    snapshot = client.load(client.compile("all", "last", poll_second=0), tmp_path)

    assert lab.sent == {"datasets": ["all", "last"]}
    assert len(snapshot.arrays(["cycle"])["cycle"]) == 30
    assert set(snapshot.arrays(["cycle"], dataset="Last")["cycle"]) == {3}
    assert len(client.torch_dataset(snapshot, dataset="Last", fields=["cycle"])) == 10
    with pytest.raises(ClientError, match="Choose from All, Last"):
        snapshot.arrays(["cycle"], dataset="First")


def test_a_frame_has_the_numbers_of_each_half_cycle_with_its_cell(lab, tmp_path):
    snapshot = Client(lab.url, TOKEN).load(3, tmp_path)

    frame = snapshot.frame(dataset="Last")

    assert list(frame.columns[:2]) == ["cell_id", "name"]
    assert "cc_capacity" not in frame.columns
    assert set(frame["name"]) == {"b"}
    assert sorted(set(frame["cell_id"])) == [10_001, 10_002, 10_003, 10_004, 10_005]
    arrays = snapshot.arrays(["capacity"], dataset="Last")
    np.testing.assert_array_equal(frame["capacity"], arrays["capacity"])
    with pytest.raises(ClientError, match="curve"):
        snapshot.frame(["cc_capacity"])


def test_lists_are_read_to_their_last_page_without_leaving_the_server(lab):
    assert [each["slug"] for each in Client(lab.url, TOKEN).datasets()] == ["a", "b"]


def test_the_reader_agrees_with_the_safetensors_library(lab, tmp_path):
    from safetensors.numpy import load

    path = tmp_path / "0.safetensors"
    path.write_bytes(lab.shards[0])

    mine, theirs = read_safetensors(path), load(lab.shards[0])

    assert set(mine) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values)
        assert mine[name].dtype == values.dtype


def test_what_is_in_the_cache_is_not_asked_for_again(lab, tmp_path):
    client = Client(lab.url, TOKEN)
    client.load(3, tmp_path)
    lab.asked.clear()

    client.load(3, tmp_path)

    assert shard_requests(lab) == []


def test_a_cut_connection_goes_on_where_it_stopped(lab, tmp_path):
    lab.cut_at = [3000, 1000]

    snapshot = Client(lab.url, TOKEN).load(3, tmp_path)

    assert shard_requests(lab)[:3] == [None, "bytes=3000-", "bytes=4000-"]
    assert snapshot.paths[0].read_bytes() == lab.shards[0]


def test_a_download_goes_on_in_a_later_session(lab, tmp_path):
    sha256 = lab.manifest["shards"][0]["sha256"]
    partial = tmp_path / sha256[:2] / f"{sha256}.partial"
    partial.parent.mkdir()
    partial.write_bytes(lab.shards[0][:5000])

    Client(lab.url, TOKEN).load(3, tmp_path)

    assert shard_requests(lab)[0] == "bytes=5000-"


def test_a_server_without_ranges_is_asked_for_the_whole(lab, tmp_path):
    lab.honours_ranges = False
    lab.cut_at = [3000]

    snapshot = Client(lab.url, TOKEN).load(3, tmp_path)

    assert snapshot.paths[0].read_bytes() == lab.shards[0]


def test_a_partial_file_beyond_the_end_is_begun_again(lab, tmp_path):
    sha256 = lab.manifest["shards"][0]["sha256"]
    partial = tmp_path / sha256[:2] / f"{sha256}.partial"
    partial.parent.mkdir()
    partial.write_bytes(bytes(len(lab.shards[0]) + 10))

    snapshot = Client(lab.url, TOKEN).load(3, tmp_path)

    assert snapshot.paths[0].read_bytes() == lab.shards[0]


def test_a_refused_range_is_begun_again(lab, tmp_path):
    """The manifest says more bytes than the server has: 416, then too few, then an error."""
    lab.manifest["shards"][0]["bytes"] += 10

    with pytest.raises(ClientError, match="cut 5 times"):
        Client(lab.url, TOKEN).load(3, tmp_path)

    assert None in shard_requests(lab)[1:]


def test_rubbish_from_an_earlier_attempt_is_replaced(lab, tmp_path):
    sha256 = lab.manifest["shards"][0]["sha256"]
    partial = tmp_path / sha256[:2] / f"{sha256}.partial"
    partial.parent.mkdir()
    partial.write_bytes(bytes(5000))

    snapshot = Client(lab.url, TOKEN).load(3, tmp_path)

    assert snapshot.paths[0].read_bytes() == lab.shards[0]


def test_content_that_is_not_what_the_manifest_says_is_never_opened(lab, tmp_path):
    lab.shards[1] = lab.shards[1][:-1] + bytes([lab.shards[1][-1] ^ 1])

    with pytest.raises(ClientError, match="Shard 1 does not have the content"):
        Client(lab.url, TOKEN).load(3, tmp_path)

    assert len(list(tmp_path.rglob("*.safetensors"))) == 1


def test_a_shard_can_not_be_written_outside_the_cache(lab, tmp_path):
    lab.manifest["shards"][0]["sha256"] = "../../" + "a" * 58

    with pytest.raises(ClientError, match="no SHA-256"):
        Client(lab.url, TOKEN).load(3, tmp_path)


def test_a_failed_job_says_why_and_what_to_do(lab):
    lab.states = ["running", "failed"]
    lab.job_end = {"error": "No cell has cycles.", "fix": "Add cells."}

    with pytest.raises(ClientError) as error:
        Client(lab.url, TOKEN).compile("demo", poll_second=0)

    assert (error.value.message, error.value.fix) == ("No cell has cycles.", "Add cells.")


def test_a_job_that_never_ends_is_not_waited_for_for_ever(lab):
    lab.states = ["running"]

    with pytest.raises(ClientError, match="still running"):
        Client(lab.url, TOKEN).compile("demo", poll_second=0, limit_second=0.05)


@pytest.mark.parametrize(
    ("refusal", "message", "fix"),
    [
        ((409, b'{"error": "It is in use.", "fix": "Wait."}', {}), "409 It is in use.", "Wait."),
        ((404, b"<html>", {}), "404 Not Found", ""),
        ((301, b"", {"Location": "https://lab/"}), "redirected to https://lab/", "final address"),
    ],
)
def test_what_the_server_refuses_is_said_in_its_own_words(lab, refusal, message, fix):
    lab.refusal = refusal

    with pytest.raises(ClientError) as error:
        Client(lab.url, TOKEN).snapshot(3)

    assert message in error.value.message
    assert fix in error.value.fix
    assert error.value.status == refusal[0]


def test_without_a_token_it_says_where_to_get_one(lab):
    with pytest.raises(ClientError, match="API token on your account page"):
        Client(lab.url).datasets()


def test_a_server_that_is_not_there_is_a_clear_error():
    with pytest.raises(ClientError, match="can not be reached"):
        Client("http://127.0.0.1:9", TOKEN).datasets()


@pytest.mark.parametrize("address", ["lab.example", "file:///etc/passwd", "ftp://x"])
def test_only_web_addresses_are_taken(address):
    with pytest.raises(ClientError, match="no web address"):
        Client(address)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:50],
        lambda content: (2**60).to_bytes(8, "little") + content[8:],
        lambda content: content[:-100],
    ],
)
def test_a_damaged_file_is_refused(lab, tmp_path, damage: Callable[[bytes], bytes]):
    path = tmp_path / "x.safetensors"
    path.write_bytes(damage(lab.shards[0]))

    with pytest.raises(ClientError):
        read_safetensors(path)


def test_the_splits_share_no_cell_and_leave_none_out(lab, tmp_path):
    snapshot = Client(lab.url, TOKEN).load(3, tmp_path)

    cells = [
        set(snapshot.arrays(["cell_index"], split=split)["cell_index"].tolist())
        for split in ("train", "validation", "test")
    ]

    assert sum(map(len, cells)) == len(set.union(*cells)) == 5


def test_one_file_copied_alone_works_without_torch(lab, tmp_path):
    alone = tmp_path / "somewhere"
    alone.mkdir()
    (alone / "battery_client.py").write_text(Path(client_module.__file__).read_text())
    code = (
        "import sys, battery_client as c;"
        f"s = c.Client({lab.url!r}, {TOKEN!r}).load(3, {str(tmp_path / 'cache')!r});"
        "print(len(s.arrays(['cycle'])['cycle']), 'torch' in sys.modules, 'django' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=alone, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["30", "False", "False"]


def test_a_small_network_overfits_ten_cycles(lab, tmp_path):
    torch = pytest.importorskip("torch")
    client = Client(lab.url, TOKEN)
    dataset = client.torch_dataset(
        client.load(3, tmp_path), fields=["cell_index", "cycle", "cc_capacity", "polarity"]
    )
    torch.manual_seed(0)
    chosen = torch.utils.data.Subset(dataset, range(20))  # ten cycles, both halves
    batch = next(iter(torch.utils.data.DataLoader(chosen, batch_size=20)))
    given = torch.stack(
        [batch["cell_index"].float(), batch["cycle"].float(), batch["polarity"].float()], dim=1
    )
    network = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 48))
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss_now() -> Any:
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(network(given), batch["cc_capacity"])
        loss.backward()
        return loss

    optimiser.step(loss_now)
    loss = loss_now()

    assert loss.item() ** 0.5 < 0.01  # Ah, of about 1


def test_a_torch_dataset_can_be_sent_to_workers(lab, tmp_path):
    pytest.importorskip("torch")
    dataset = Client(lab.url, TOKEN).torch_dataset(3, fields=["cycle"], cache_dir=tmp_path)

    back = pickle.loads(pickle.dumps(dataset))

    assert len(back) == 30
    assert back[4]["cycle"] == dataset[4]["cycle"]
