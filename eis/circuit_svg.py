"""A circuit as a drawing: SVG text, without a library and without a script.

Boxes for what is no standard symbol, the usual signs for resistors, capacitors and coils.
Lines take the colour of the text around them, so a drawing is right on light and dark
pages. schemdraw was refused: it needs Matplotlib, 60 MB for a few lines.
"""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from eis.circuits import Branches, Circuit, Leaf, Node

WIDTH, HEIGHT, GAP, PAD = 76, 46, 14, 14


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines of SVG around the line of current at height 0, and the room they need."""

    width: float
    above: float
    below: float
    lines: tuple[str, ...]


def circuit_svg(circuit: Circuit) -> str:
    """An ``<svg>`` element; its title is the circuit's text, for those who do not see it."""
    drawing = _draw(circuit.root, 0.0, 0.0)
    width = drawing.width + 2 * PAD
    height = drawing.above + drawing.below + 2 * PAD
    body = "".join(
        [
            _line(-PAD / 2, 0, 0, 0),
            *drawing.lines,
            _line(drawing.width, 0, drawing.width + PAD / 2, 0),
        ]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" class="circuit" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" '
        f'stroke-linejoin="round"><title>{escape(circuit.text)}</title>'
        f'<g transform="translate({PAD:g} {drawing.above + PAD:g})">{body}</g></svg>'
    )


def _draw(node: Node, x: float, y: float) -> Drawing:
    if isinstance(node, Leaf):
        return Drawing(WIDTH, HEIGHT / 2 + 4, HEIGHT / 2, tuple(_element(node, x, y)))
    return _parallel(node, x, y) if node.parallel else _series(node, x, y)


def _series(node: Branches, x: float, y: float) -> Drawing:
    lines: list[str] = []
    at, above, below = x, 0.0, 0.0
    for part in node.parts:
        drawing = _draw(part, at, y)
        lines += drawing.lines
        at += drawing.width
        above, below = max(above, drawing.above), max(below, drawing.below)
    return Drawing(at - x, above, below, tuple(lines))


def _parallel(node: Branches, x: float, y: float) -> Drawing:
    sizes = [_draw(part, 0, 0) for part in node.parts]
    inner = max(size.width for size in sizes)
    total = sum(size.above + size.below for size in sizes)
    width = inner + 2 * GAP
    lines, rows = [], []
    top = y - total / 2
    for part, size in zip(node.parts, sizes, strict=True):
        row = top + size.above
        start = x + GAP + (inner - size.width) / 2
        lines += [_line(x + GAP / 2, row, start, row), *_draw(part, start, row).lines]
        lines.append(_line(start + size.width, row, x + width - GAP / 2, row))
        rows.append(row)
        top = row + size.below
    for side in (x + GAP / 2, x + width - GAP / 2):
        lines.append(_line(side, rows[0], side, rows[-1]))
    lines += [_line(x, y, x + GAP / 2, y), _line(x + width - GAP / 2, y, x + width, y)]
    return Drawing(width, total / 2, total / 2, tuple(lines))


def _element(leaf: Leaf, x: float, y: float) -> list[str]:
    symbol = leaf.element.symbol
    middle, half = x + WIDTH / 2, 20.0
    if symbol in ("C", "CPE"):
        half = 4.0
    parts = [_line(x, y, middle - half, y), _line(middle + half, y, x + WIDTH, y)]
    parts += SYMBOLS.get(symbol, _box)(middle, y, half)
    return [*parts, _label(middle, y - 14, leaf.name)]


def _resistor(x: float, y: float, half: float) -> list[str]:
    steps = [f"l{half / 6:g} -7", *[f"l{half / 3:g} {14 if i % 2 == 0 else -14}" for i in range(5)]]
    return [f'<path d="M{x - half:g} {y:g}{" ".join(steps)} l{half / 6:g} -7"/>']


def _plates(x: float, y: float, half: float) -> list[str]:
    return [_line(x - half, y - 9, x - half, y + 9), _line(x + half, y - 9, x + half, y + 9)]


def _constant_phase(x: float, y: float, half: float) -> list[str]:
    left, right = x - half, x + half - 4
    return [
        f'<path d="M{left - 4:g} {y - 9:g}l4 9l-4 9"/>',
        f'<path d="M{right:g} {y - 9:g}l4 9l-4 9"/>',
    ]


def _coil(x: float, y: float, half: float) -> list[str]:
    turn = half / 2
    arcs = "".join(f"a{turn / 2:g} {turn / 2:g} 0 0 1 {turn:g} 0" for _ in range(4))
    return [f'<path d="M{x - half:g} {y:g}{arcs}"/>']


def _arc(x: float, y: float, half: float) -> list[str]:
    return [*_box(x, y, half), f'<path d="M{x - 11:g} {y + 5:g}a11 10 0 0 1 22 0"/>']


def _diffusion(x: float, y: float, half: float) -> list[str]:
    return [*_box(x, y, half), f'<path d="M{x - 11:g} {y + 6:g}l5 -11l6 9l6 -9l5 11" />']


def _box(x: float, y: float, half: float) -> list[str]:
    return [f'<rect x="{x - half:g}" y="{y - 9:g}" width="{2 * half:g}" height="18" rx="3"/>']


SYMBOLS = {
    "R": _resistor,
    "C": _plates,
    "CPE": _constant_phase,
    "L": _coil,
    "La": _coil,
    "ZARC": _arc,
    "LZARC": _arc,
    "ZARCW": _arc,
    "W": _diffusion,
    "Wo": _diffusion,
    "Ws": _diffusion,
}


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'


def _label(x: float, y: float, text: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="11" '
        f'font-family="sans-serif" fill="currentColor" stroke="none">{escape(text)}</text>'
    )
