"""RO-Crate 1.2: a folder that says in JSON-LD what its files are, and of which cells.

https://w3id.org/ro/crate/1.2. Cells are described with the terms of schema.org and, where
given, with those of BattINFO (https://w3id.org/emmo/domain/battery), embedded as they are.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

CONTEXT = "https://w3id.org/ro/crate/1.2/context"
BATTINFO = "https://w3id.org/emmo/domain/battery/context"
METADATA = "ro-crate-metadata.json"
BDF = "https://w3id.org/battery-data-alliance/ontology/battery-data-format"
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class Crate:
    """``licence`` is the address or the words of the licence of the data."""

    name: str
    description: str
    published: datetime
    licence: str
    creator: str = ""
    digest: str = ""  # of the selection: equal digests mean equal content


@dataclass(frozen=True, slots=True)
class CellEntity:
    """``battinfo`` is JSON-LD of the cell in BattINFO's terms, or empty."""

    cell_id: int
    name: str
    electrolyte: str = ""
    dry_cell: str = ""
    battinfo: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileEntity:
    path: str  # relative to the crate, with "/"
    content_size: int
    sha256: str
    cell_id: int | None = None
    description: str = ""


def described(path: str, content: bytes, cell_id: int | None, description: str) -> FileEntity:
    digest = hashlib.sha256(content).hexdigest()
    return FileEntity(path, len(content), digest, cell_id, description)


def metadata(crate: Crate, cells: Sequence[CellEntity], files: Sequence[FileEntity]) -> bytes:
    """The content of ``ro-crate-metadata.json``."""
    licence = _licence(crate.licence)
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
            "about": {"@id": "./"},
        },
        _without_empty(
            {
                "@id": "./",
                "@type": "Dataset",
                "name": crate.name,
                "description": crate.description or f"Cycling data of {len(cells)} cells.",
                "datePublished": crate.published.isoformat(),
                "license": {"@id": licence["@id"]},
                "creator": {"@id": "#creator"} if crate.creator else None,
                "identifier": f"sha256:{crate.digest}" if crate.digest else None,
                "about": [{"@id": _cell_id(cell.cell_id)} for cell in cells],
                "hasPart": [{"@id": _quoted(file.path)} for file in files],
                "conformsTo": {"@id": BDF},
            }
        ),
        licence,
        {"@id": BDF, "@type": "CreativeWork", "name": "Battery Data Format"},
        *([{"@id": "#creator", "@type": "Person", "name": crate.creator}] if crate.creator else []),
        *map(_cell, cells),
        *map(_file, files),
    ]
    document = {"@context": [CONTEXT, {"battinfo": BATTINFO}], "@graph": graph}
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _licence(text: str) -> dict[str, Any]:
    is_address = text.startswith(("http://", "https://"))
    return {
        "@id": text if is_address else "#licence",
        "@type": "CreativeWork",
        "name": text or "Not stated",
        "description": "The licence of these data, as the lab states it.",
    }


def _cell(cell: CellEntity) -> dict[str, Any]:
    return _without_empty(
        {
            "@id": _cell_id(cell.cell_id),
            "@type": ["Product", "Thing"],
            "name": cell.name,
            "identifier": str(cell.cell_id),
            "description": "; ".join(
                f"{word}: {value}"
                for word, value in (("electrolyte", cell.electrolyte), ("dry cell", cell.dry_cell))
                if value
            ),
            "subjectOf": {"@id": cell_document(cell.cell_id)} if cell.battinfo else None,
        }
    )


def _file(file: FileEntity) -> dict[str, Any]:
    ending = "." + file.path.rpartition(".")[2]
    return _without_empty(
        {
            "@id": _quoted(file.path),
            "@type": "File",
            "name": file.path.rpartition("/")[2],
            "description": file.description,
            "encodingFormat": MEDIA_TYPES.get(ending, "application/octet-stream"),
            "contentSize": str(file.content_size),
            "sha256": file.sha256,
            "about": {"@id": _cell_id(file.cell_id)} if file.cell_id else None,
        }
    )


def cell_document(cell_id: int) -> str:
    """Where the BattINFO document of a cell lies within the crate."""
    return f"cells/{cell_id}.jsonld"


def _cell_id(cell_id: int) -> str:
    return f"#cell-{cell_id}"


def _quoted(path: str) -> str:
    """A relative path as a URI: what is no letter of a URI is percent-encoded."""
    return quote(path)


def _without_empty(entity: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if value not in (None, "")}
