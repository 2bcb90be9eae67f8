"""A module holds one subject, a function one thought. Exemptions carry a reason."""

import ast

import pytest

from tests.architecture.modules import ROOT, modules, tree_of

FILE_LINES = 420
FUNCTION_LINES = 60

LONG_FILES: dict[str, str] = {
    "ml/client.py": "the client is one file, to be copied beside a script",
}
LONG_FUNCTIONS: dict[str, str] = {}


def length(module) -> int:
    return len((ROOT / module).read_text().splitlines())


def functions(module) -> dict[str, int]:
    return {
        f"{module}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("module", list(modules()), ids=str)
def test_files_and_functions_stay_short(module):
    too_long = {name: n for name, n in functions(module).items() if n > FUNCTION_LINES}

    assert length(module) <= FILE_LINES or str(module) in LONG_FILES
    assert set(too_long) <= set(LONG_FUNCTIONS)


def test_no_exemption_is_stale():
    lengths = {str(module): length(module) for module in modules()}
    all_functions = {name: n for module in modules() for name, n in functions(module).items()}

    assert {name for name in LONG_FILES if lengths.get(name, 0) <= FILE_LINES} == set()
    assert {
        name for name in LONG_FUNCTIONS if all_functions.get(name, 0) <= FUNCTION_LINES
    } == set()
