"""Fetch the vendored front end from the npm registry again, at the pinned versions.

    python .ci/refresh_vendor.py

Needs npm; nothing of it is needed to run battery_db. Every file is copied as published,
but for the reference to a source map, which is removed because the map is not shipped
(``collectstatic`` refuses a reference to a file that is absent).
"""

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "static" / "vendor"
SOURCE_MAP = re.compile(rb"\n?(?://|/\*)# sourceMappingURL=\S+(?: ?\*/)?\s*$")

# Name in our templates -> name of the outline icon in @tabler/icons.
ICONS = {
    "activity": "activity",
    "alert": "alert-triangle",
    "auto": "device-desktop",
    "ban": "ban",
    "battery": "battery-2",
    "chart": "chart-line",
    "check": "check",
    "chevron-down": "chevron-down",
    "chevron-left": "chevron-left",
    "chevron-right": "chevron-right",
    "chevron-up": "chevron-up",
    "clock": "clock",
    "code": "code",
    "copy": "copy",
    "dataset": "database",
    "download": "download",
    "edit": "pencil",
    "external": "external-link",
    "eye": "eye",
    "files": "files",
    "filter": "filter",
    "flask": "flask",
    "folder": "folder",
    "history": "history",
    "info": "info-circle",
    "jobs": "list-check",
    "key": "key",
    "link": "link",
    "lock": "lock",
    "logout": "logout",
    "menu": "menu-2",
    "moon": "moon",
    "play": "player-play",
    "plus": "plus",
    "refresh": "refresh",
    "search": "search",
    "settings": "settings",
    "sort": "selector",
    "sun": "sun",
    "table": "table",
    "trash": "trash",
    "upload": "upload",
    "user": "user",
    "users": "users",
    "x": "x",
}
BOOTSTRAP_OWNERS = "Copyright 2011-2025 The Bootstrap Authors (part of Tabler)"
MIT = """MIT License

{owners}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    licence: str
    folder: str
    copies: dict[str, str] = field(default_factory=dict)  # path in the package -> our name


PACKAGES = (
    Package(
        "@tabler/core",
        "1.6.1",
        "MIT",
        "tabler",
        {"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
    ),
    Package(
        "htmx.org",
        "2.0.11",
        "0BSD",
        "htmx",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE.txt"},
    ),
    Package(
        "plotly.js-cartesian-dist-min",
        "4.1.1",
        "MIT",
        "plotly",
        {"plotly-cartesian.min.js": "plotly-cartesian.min.js", "LICENSE": "LICENSE.txt"},
    ),
    Package(
        "tabulator-tables",
        "6.5.3",
        "MIT",
        "tabulator",
        {
            "dist/js/tabulator.min.js": "tabulator.min.js",
            "dist/css/tabulator_bootstrap5.min.css": "tabulator.min.css",
            "LICENSE": "LICENSE.txt",
        },
    ),
    Package(
        "smiles-drawer",
        "2.4.1",
        "MIT",
        "smiles-drawer",
        {"dist/smiles-drawer.min.js": "smiles-drawer.min.js", "LICENSE.md": "LICENSE.txt"},
    ),
    Package("@tabler/icons", "3.51.0", "MIT", "icons", {"LICENSE": "LICENSE.txt"}),
)


def main() -> None:
    entries = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            root = _unpacked(package, Path(scratch))
            target = VENDOR / package.folder
            target.mkdir(exist_ok=True)
            for source, name in package.copies.items():
                (target / name).write_bytes(SOURCE_MAP.sub(b"\n", (root / source).read_bytes()))
            if package.name == "@tabler/icons":
                (target / "sprite.svg").write_text(_sprite(root), encoding="utf-8")
            if package.name == "@tabler/core":  # published without its licence file
                (target / "LICENSE.txt").write_text(_tabler_licence(root), encoding="utf-8")
            entries.append(_entry(package, target))
    manifest = json.dumps({"packages": entries}, indent=2, ensure_ascii=False) + "\n"
    (VENDOR / "manifest.json").write_text(manifest, encoding="utf-8")


def _unpacked(package: Package, scratch: Path) -> Path:
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    answer = subprocess.run(  # noqa: S603  # the names and versions above
        command, cwd=scratch, check=True, capture_output=True, text=True
    )
    root = scratch / package.folder
    with tarfile.open(scratch / answer.stdout.split()[-1]) as archive:
        archive.extractall(root, filter="data")
    return root / "package"


def _sprite(root: Path) -> str:
    """One SVG with a symbol per icon, so that a table of icons costs a few bytes a row."""
    symbols = []
    for name, source in sorted(ICONS.items()):
        text = (root / "icons" / "outline" / f"{source}.svg").read_text(encoding="utf-8")
        shapes = re.findall(r"<(?:path|circle|line|rect|polyline|ellipse)[^>]*/>", text)
        drawn = "".join(shape for shape in shapes if 'stroke="none" d="M0 0h24v24H0z"' not in shape)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawn}</symbol>')
    lines = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{lines}\n</svg>\n'


def _tabler_licence(root: Path) -> str:
    """The MIT text with the owners that Tabler's and Bootstrap's banners name."""
    banner = (root / "dist" / "css" / "tabler.css").read_text(encoding="utf-8")[:400]
    owners = re.findall(r"Copyright [^\n]+", banner)
    return MIT.format(owners="\n".join([*owners, BOOTSTRAP_OWNERS]))


def _entry(package: Package, target: Path) -> dict[str, object]:
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(target.iterdir())
    }
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "source": f"npm:{package.name}@{package.version}",
        "folder": package.folder,
        "sha256": files,
    }


if __name__ == "__main__":
    main()
