"""What the architecture tests look at: the modules of the project, and what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("battery_db", "cells", "cycling", "eis", "ftir", "ml", "simulation")


def modules() -> Iterator[Path]:
    """Every module that people wrote, relative to the root."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT)


def tree_of(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(), filename=str(module))


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything imported, at the top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
