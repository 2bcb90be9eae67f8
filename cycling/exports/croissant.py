"""Croissant 1.0 metadata of a snapshot's tensors, made from its manifest.

http://mlcommons.org/croissant/1.0. Files, checksums, cells and splits are said in
Croissant's terms. Safetensors is no encoding that Croissant extracts from, so tensors
are described as variables (schema.org) with type, unit and meaning.
"""

from collections.abc import Mapping
from typing import Any

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "field": "cr:field",
    "key": "cr:key",
    "recordSet": "cr:recordSet",
}
_FIELDS = {
    "cell_id": ("sc:Integer", "The lab's number of the cell."),
    "name": ("sc:Text", "Its name in the dataset."),
    "electrolyte": ("sc:Text", "What is in it, as one line."),
    "dry_cell": ("sc:Text", "The design."),
    "split": ("sc:Text", "train, validation or test; cells never move between them."),
    "rows": ("sc:Integer", "Half-cycles of the cell."),
}


def croissant(
    manifest: Mapping[str, Any], *, address: str, published: str, licence: str = ""
) -> dict[str, Any]:
    """JSON-LD; ``address`` is that of the snapshot in the API, ``published`` an ISO date."""
    digest = manifest["selection_sha256"]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": address,
        "name": manifest["dataset"],
        "description": (
            f"Half-cycles of {len(manifest['cells'])} lithium-ion cells as tensors. "
            "Positive current charges the cell; units are said for each tensor."
        ),
        "conformsTo": CONFORMS_TO,
        "license": licence or "not stated",
        "url": address,
        "version": f"{manifest['format_version']}.0.0",
        "datePublished": published,
        "identifier": f"sha256:{digest}",
        "citeAs": f"{manifest['dataset']}, snapshot {digest[:8]}, battery_db, {published[:4]}.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"shard-{shard['number']}",
                "name": f"shard-{shard['number']}.safetensors",
                "contentUrl": f"{address}shards/{shard['number']}/",
                "contentSize": f"{shard['bytes']} B",
                "encodingFormat": "application/octet-stream",
                "sha256": shard["sha256"],
            }
            for shard in manifest["shards"]
        ],
        "variableMeasured": [
            {
                "@type": "PropertyValue",
                "name": tensor["name"],
                "description": f"{tensor['meaning']} ({tensor['dtype']})",
                "unitText": tensor["unit"],
            }
            for tensor in manifest["tensors"]
        ],
        "recordSet": [_cells(manifest["cells"])],
    }


def _cells(cells: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "cells",
        "name": "cells",
        "key": {"@id": "cells/cell_id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"cells/{name}",
                "name": name,
                "description": words,
                "dataType": kind,
            }
            for name, (kind, words) in _FIELDS.items()
        ],
        "data": [{f"cells/{name}": cell[name] for name in _FIELDS} for cell in cells],
    }
