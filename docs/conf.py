"""Sphinx: `make docs`. Nothing is fetched, so it builds without a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "battery_db"
author = "The battery_db contributors"
copyright = "2026, the battery_db contributors"  # noqa: A001 - Sphinx's name
version = release = "0.1.0"

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "images"]

html_theme = "furo"
html_title = "battery_db"
html_static_path: list[str] = []
