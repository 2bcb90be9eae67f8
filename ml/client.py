"""A client of battery_db in one file: copy it anywhere; it needs Python 3.11 and NumPy.

>>> client = Client("https://lab.example", token="...")          # doctest: +SKIP
>>> snapshot = client.load(client.compile("rate-study"))         # doctest: +SKIP
>>> snapshot.arrays(["cycle", "capacity"], split="train")        # doctest: +SKIP
>>> dataset = client.torch_dataset(snapshot, split="train")      # doctest: +SKIP
>>> snapshot.frame(["cycle", "capacity"])                        # doctest: +SKIP

Shards are downloaded once into a cache that is addressed by content, resumed where a
connection was cut, and checked against the manifest. PyTorch is imported only by
``torch_dataset``, and pandas by ``frame``.
"""

import hashlib
import http.client
import json
import math
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CHUNK = 1 << 20
ATTEMPTS = 5
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


class ClientError(Exception):
    """What the server refused or the network broke; ``fix`` says what to do about it."""

    def __init__(self, message: str, *, fix: str = "", status: int | None = None) -> None:
        super().__init__(f"{message} {fix}".strip())
        self.message = message
        self.fix = fix
        self.status = status


class Client:
    """Reads datasets and compiled tensors of one lab.

    ``token`` is an API token from your account page; it needs write access only for
    ``compile``.
    """

    def __init__(self, base_url: str, token: str = "", *, timeout_second: float = 60.0) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ClientError(
                f"{base_url!r} is no web address.", fix="Write for example https://lab.example."
            )
        self.base_url = base_url.rstrip("/")
        self.timeout_second = timeout_second
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirects())

    def search(
        self, what: str = "cells", *, molecules: Sequence[dict[str, Any]] = (), **asked: Any
    ) -> Iterator[dict[str, Any]]:
        """What the search tree finds: ``what`` is cells, cycling, electrolytes, dry-cells or boxes.

        Each of ``molecules`` has a ``molecule`` (or lot) and perhaps ``need``, ``amount``,
        ``unit``, ``row_tolerance`` and ``role``. Other arguments are parameters of the API; a
        sequence repeats one, True ticks it: ``complete="additive", among="cycling"``.
        """
        pairs: list[tuple[str, str]] = []
        used = {name for row in molecules for name in row} | ({"molecule"} if molecules else set())
        for name in sorted(used):
            usual = "mandatory" if name == "need" else ""
            pairs += [(name, str(row.get(name, usual))) for row in molecules]
        for name, value in asked.items():
            several = value if isinstance(value, (list, tuple)) else [value]
            pairs += [
                (name, "on" if each is True else str(each))
                for each in several
                if each not in ("", None, False)
            ]
        return self._pages(f"/api/v1/search/{_quoted(what)}/?{urllib.parse.urlencode(pairs)}")

    def datasets(self) -> list[dict[str, Any]]:
        """Every dataset of the lab, as its API describes it."""
        return list(self._pages("/api/v1/datasets/"))

    def snapshots(self, slug: str) -> list[dict[str, Any]]:
        """The frozen states of a dataset, newest first."""
        return list(self._pages(f"/api/v1/datasets/{_quoted(slug)}/snapshots/"))

    def compile(
        self, *slugs: str, wait: bool = True, poll_second: float = 1.0, limit_second: float = 3600
    ) -> Any:
        """Freeze one or more datasets together and compile their tensors.

        Unchanged ones are not made again. Returns the id of the snapshot, or with
        ``wait=False`` the id of the job that makes it (see ``wait_for``).
        """
        answer = self._json("POST", "/api/v1/snapshots/", {"datasets": list(slugs)})
        job = str(answer["job"])
        if not wait:
            return job
        result = self.wait_for(job, poll_second=poll_second, limit_second=limit_second)
        return result["snapshot"]

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self._json("GET", f"/api/v1/jobs/{_quoted(job_id)}/"))

    def wait_for(
        self, job_id: str, *, poll_second: float = 1.0, limit_second: float = 3600
    ) -> dict[str, Any]:
        """The result of a job when it has succeeded; ClientError when it has not."""
        end = time.monotonic() + limit_second
        while True:
            job = self.job(job_id)
            if job["state"] == "succeeded":
                return dict(job["result"])
            if job["state"] in ("failed", "cancelled"):
                raise ClientError(
                    job.get("error") or f"The job was {job['state']}.", fix=job.get("fix", "")
                )
            if time.monotonic() > end:
                raise ClientError(
                    f"The job is still {job['state']} after {limit_second:.0f} s.",
                    fix="Wait longer, or look at it on the jobs page.",
                )
            time.sleep(poll_second)

    def snapshot(self, snapshot_id: Any) -> dict[str, Any]:
        """The manifest: tensors, units, grids, cells, groups, splits and shards."""
        return dict(self._json("GET", f"/api/v1/snapshots/{_quoted(snapshot_id)}/manifest/"))

    def load(self, snapshot_id: Any, cache_dir: Path | str | None = None) -> "Snapshot":
        """Download what is not in the cache yet, check it, and open it."""
        manifest = self.snapshot(snapshot_id)
        cache = _default_cache() if cache_dir is None else Path(cache_dir)
        paths = [
            self._shard(
                f"/api/v1/snapshots/{_quoted(snapshot_id)}/shards/{shard['number']}/", shard, cache
            )
            for shard in manifest["shards"]
        ]
        return Snapshot(manifest, tuple(paths))

    def torch_dataset(
        self,
        snapshot: "Snapshot | Any",
        *,
        split: str | None = None,
        dataset: str | None = None,
        fields: Sequence[str] | None = None,
        cache_dir: Path | str | None = None,
    ) -> Any:
        """A ``torch.utils.data.Dataset``: one dict of tensors per half-cycle.

        ``snapshot`` is an id or what ``load`` gave; ``split`` None means all cells,
        ``dataset`` None all datasets that were frozen together, and ``fields`` None all
        tensors of the manifest.
        """
        if not isinstance(snapshot, Snapshot):
            snapshot = self.load(snapshot, cache_dir)
        names = list(fields) if fields is not None else list(snapshot.fields)
        return _dataset_class()(snapshot.arrays(names, split=split, dataset=dataset))

    def _shard(self, path: str, shard: dict[str, Any], cache: Path) -> Path:
        """The file of a shard in the cache; a whole file there is trusted by its name."""
        sha256 = str(shard["sha256"])
        if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise ClientError("The manifest names a shard by something that is no SHA-256.")
        target = cache / sha256[:2] / f"{sha256}.safetensors"
        if target.exists() and target.stat().st_size == shard["bytes"]:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        for _ in range(2):
            self._download(path, partial, sha256, shard["bytes"])
            if _sha256_of(partial) == sha256:
                partial.replace(target)
                return target
            # What was there from an earlier attempt may be at fault: once more from the start.
            partial.unlink()
        raise ClientError(
            f"Shard {shard['number']} does not have the content that its manifest says.",
            fix="Try again; if it stays so, ask the lab to check its storage.",
        )

    def _download(self, path: str, partial: Path, sha256: str, size: int) -> None:
        """Fetch until ``partial`` has ``size`` bytes, going on where a connection was cut."""
        lost: ClientError | None = None
        for attempt in range(ATTEMPTS):
            have = partial.stat().st_size if partial.exists() else 0
            if have == size:
                return
            if attempt:
                time.sleep(0.2 * 2**attempt)
            try:
                self._append(path, partial, sha256, have if have < size else 0)
            except ClientError as error:
                if error.status == 416:
                    partial.unlink(missing_ok=True)
                elif error.status is not None and error.status < 500:
                    raise
                lost = error
        if not partial.exists() or partial.stat().st_size != size:
            raise ClientError(
                f"The download was cut {ATTEMPTS} times. {lost.message if lost else ''}".strip(),
                fix="Try again; it goes on where it stopped.",
            ) from lost

    def _append(self, path: str, partial: Path, sha256: str, have: int) -> None:
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{sha256}"'} if have else {}
        with self._open("GET", path, headers) as response:
            goes_on = response.status == 206 and (
                response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            )
            with partial.open("ab" if goes_on else "wb") as file:
                while piece := _read(response):
                    file.write(piece)

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        following: str | None = path
        while following:
            page = self._json("GET", following)
            if isinstance(page, list):
                yield from page
                return
            yield from page["results"]
            # Only the query is taken over: a proxy may have another name for the server,
            # and the token must not go anywhere else.
            query = urllib.parse.urlsplit(page.get("next") or "").query
            following = f"{path.partition('?')[0]}?{query}" if query else None

    def _json(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        with self._open(method, path, headers, content) as response:
            content = response.read()
        try:
            return json.loads(content)
        except ValueError as error:
            raise ClientError(
                f"{self.base_url}{path} did not answer with JSON.",
                fix="Check that the address is that of a battery_db server.",
            ) from error

    def _open(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None = None
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self.base_url}{path}", method=method, headers=headers, data=content
        )
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            return self._opener.open(request, timeout=self.timeout_second)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error, f"{method} {path}") from error
        except (OSError, http.client.HTTPException) as error:
            raise ClientError(
                f"{self.base_url} can not be reached: {getattr(error, 'reason', error)}",
                fix="Check the address and the network.",
            ) from error


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One or more frozen datasets on this disk. Arrays are mapped, not read, until they are used."""

    manifest: dict[str, Any]
    paths: tuple[Path, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(each["name"] for each in self.manifest["tensors"])

    def shard(self, number: int) -> dict[str, Array]:
        return read_safetensors(self.paths[number])

    def arrays(
        self,
        fields: Sequence[str] | None = None,
        *,
        split: str | None = None,
        dataset: str | None = None,
    ) -> dict[str, Array]:
        """Arrays with one row per half-cycle: of all cells, or of one split, or of one dataset.

        ``dataset`` is the name of one of those that were frozen together.
        """
        names = list(dict.fromkeys(self.fields if fields is None else fields))
        unknown = sorted(set(names) - set(self.fields))
        if unknown:
            raise ClientError(
                f"There is no tensor {', '.join(unknown)}.",
                fix=f"Choose from {', '.join(self.fields)}.",
            )
        bit = self._bit(dataset)
        parts: dict[str, list[Array]] = {name: [] for name in names}
        for number in range(len(self.paths)):
            shard = self.shard(number)
            kept = self._rows(shard["cell_index"], split)
            if bit:
                kept = kept & (shard["dataset_mask"] & bit != 0)
            for name in names:
                parts[name].append(shard[name][kept])
        return {
            name: np.concatenate(found) if found else np.empty(0) for name, found in parts.items()
        }

    def frame(
        self,
        fields: Sequence[str] | None = None,
        *,
        split: str | None = None,
        dataset: str | None = None,
    ) -> Any:
        """A pandas frame with one row per half-cycle and the Cell ID and name of its cell.

        ``fields`` None means every tensor that is one number per half-cycle; curves are
        in ``arrays``.
        """
        import pandas as pd

        plain = [each["name"] for each in self.manifest["tensors"] if len(each["shape"]) == 1]
        names = list(plain if fields is None else fields)
        curves = [name for name in names if name in self.fields and name not in plain]
        if curves:
            raise ClientError(
                f"{', '.join(curves)} is a curve per half-cycle.", fix="Read it with arrays()."
            )
        found = self.arrays(names, split=split, dataset=dataset)
        place = self.arrays(["cell_index"], split=split, dataset=dataset)["cell_index"]
        cells = self.manifest["cells"]
        ids = np.array([cell["cell_id"] for cell in cells], dtype=np.int64)[place]
        called = self._names(dataset)
        return pd.DataFrame(
            {"cell_id": ids, "name": [called[each] for each in ids.tolist()], **found}
        )

    def _names(self, dataset: str | None) -> dict[int, str]:
        """Cell ID -> name, in a dataset where one is asked for."""
        listed = self.manifest.get("datasets", [])
        chosen = [each["cells"] for each in listed if each["name"] == dataset]
        cells = chosen[0] if chosen else self.manifest["cells"]
        return {cell["cell_id"]: cell["name"] or str(cell["cell_id"]) for cell in cells}

    def _bit(self, dataset: str | None) -> int:
        """What of ``dataset_mask`` says that a dataset holds a row; 0 asks for none."""
        if dataset is None:
            return 0
        known = {each["name"]: each["index"] for each in self.manifest.get("datasets", [])}
        if dataset not in known:
            raise ClientError(
                f"There is no dataset {dataset!r} in this snapshot.",
                fix=f"Choose from {', '.join(known)}.",
            )
        return 1 << int(known[dataset])

    def _rows(self, cell_index: Array, split: str | None) -> Array:
        if split is None:
            return np.ones(len(cell_index), dtype=np.bool_)
        chosen = [cell["index"] for cell in self.manifest["cells"] if cell["split"] == split]
        return np.isin(cell_index, chosen)


def read_safetensors(path: Path | str) -> dict[str, Array]:
    """Arrays of a safetensors file, mapped read-only. There is no code in such a file."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= size - 8:
            raise ClientError(f"{path} is no safetensors file.")
        header = json.loads(file.read(length))
    start = 8 + length
    content = np.memmap(path, mode="r", dtype=np.uint8) if size > start else np.empty(0, np.uint8)
    arrays = {}
    for name, described in header.items():
        if name == "__metadata__":
            continue
        first, last = (start + int(offset) for offset in described["data_offsets"])
        dtype = np.dtype(_DTYPES[described["dtype"]])
        shape = tuple(described["shape"])
        if not start <= first <= last <= size or last - first != dtype.itemsize * math.prod(shape):
            raise ClientError(f"Tensor {name} of {path} lies outside its file.")
        arrays[name] = content[first:last].view(dtype).reshape(shape)
    return arrays


def _read(response: Any) -> bytes:
    try:
        return bytes(response.read(CHUNK))
    except (OSError, http.client.HTTPException) as error:
        raise ClientError(f"The connection was lost: {error}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token must only go to the server it was given for."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _refusal(error: urllib.error.HTTPError, request: str) -> ClientError:
    if 300 <= error.code < 400:
        return ClientError(
            f"{request} was redirected to {error.headers.get('Location')}.",
            fix="Give the server's final address, https:// where it has one.",
            status=error.code,
        )
    try:
        answer = json.loads(error.read())
        message, fix = str(answer["error"]), str(answer.get("fix", ""))
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        message, fix = str(error.reason), ""
    if error.code == 401 and not fix:
        fix = "Make an API token on your account page and give it as token=."
    return ClientError(f"{request}: {error.code} {message}", fix=fix, status=error.code)


def _quoted(part: Any) -> str:
    return urllib.parse.quote(str(part), safe="")


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "battery_db"


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dataset_class() -> Any:
    """The dataset's class, made when PyTorch is first needed.

    It becomes a name of this module, so that workers of a DataLoader can unpickle it.
    """
    if "HalfCycleDataset" not in globals():
        import torch
        from torch.utils.data import Dataset

        class HalfCycleDataset(Dataset):  # type: ignore[type-arg]
            """One dict of tensors per half-cycle; ``tensors`` holds them all."""

            def __init__(self, arrays: dict[str, Array]) -> None:
                self.tensors = {
                    name: torch.from_numpy(np.array(values)) for name, values in arrays.items()
                }

            def __len__(self) -> int:
                return min((len(values) for values in self.tensors.values()), default=0)

            def __getitem__(self, index: int) -> dict[str, Any]:
                return {name: values[index] for name, values in self.tensors.items()}

        HalfCycleDataset.__qualname__ = "HalfCycleDataset"
        globals()["HalfCycleDataset"] = HalfCycleDataset
    return globals()["HalfCycleDataset"]


def __getattr__(name: str) -> Any:
    if name == "HalfCycleDataset":
        return _dataset_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
