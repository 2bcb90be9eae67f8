"""The two projections of a node, its name and its digests.

A node is what one row of the ontology says (thesis 5.3.2). Its *object projection* is
everything in it; its *name projection* is the same with every hidden field replaced by
one special value. Names are text made from the name projection alone, and different
projections give different names: free text is quoted or escaped, and a name inside
another stands in braces, where it could be read as structure, so a name can be taken
apart in one way only.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cells.amounts import plain
from cells.kinds import LOT_ATTRIBUTES, NOTES, PROPRIETARY, Attribute, Kind

Value = str | Decimal | bool | None
HIDDEN = "\N{UP TACK}"

_BARE = re.compile(r"[^\W\d_][\w.'’/\-–]*")
_LABEL = re.compile(r"[\w.'’/\-–]+")
_GROUP_AT_END = re.compile(r"[)\]}]$")
_OPENING, _CLOSING = "([{", {")": "(", "]": "[", "}": "{"}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKENS = re.compile(r"\\.|.", re.DOTALL)  # an escaped character is no bracket


@dataclass(frozen=True, slots=True)
class Part:
    """A weighted component: its name, its identity, and how much of it (None: unknown)."""

    group: str
    name: str
    key: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Child:
    """Another node that a field points to."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Node:
    """All that one row says. ``values`` holds the attributes of its kind by field name."""

    kind: Kind
    head: str = ""
    parts: tuple[Part, ...] = ()
    notes: str = ""
    proprietary: bool = False
    values: Mapping[str, Value | Child] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lot:
    """A produced batch of a blueprint."""

    label: str
    blueprint: Child
    notes: str = ""
    values: Mapping[str, Value | Child] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()


def digest_of(content: object) -> str:
    """SHA-256 of plain content, the same whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def name_digest(name: str) -> str:
    """What the database keeps unique, as names are longer than it can index."""
    return hashlib.sha256(name.encode()).hexdigest()


# Projections --------------------------------------------------------------------


def object_projection(node: Node) -> dict[str, object]:
    """Everything the node says, by identity; visibility plays no part."""
    return {
        "kind": node.kind.key,
        "head": node.head,
        "parts": _part_rows(node),
        NOTES: node.notes,
        PROPRIETARY: node.proprietary,
        "values": {name: _canonical(value) for name, value in node.values.items()},
    }


def name_projection(node: Node) -> dict[str, object]:
    """The same with hidden fields masked. What is not there can not be shown."""
    values = {
        name: _canonical(value) if name in node.shown else HIDDEN
        for name, value in node.values.items()
    }
    return object_projection(node) | {
        NOTES: node.notes if NOTES in node.shown else "",
        PROPRIETARY: node.proprietary and PROPRIETARY in node.shown,
        "values": values,
    }


def object_digest(node: Node) -> str:
    return digest_of(object_projection(node))


def telling_apart(node: Node, other: Node) -> list[str]:
    """Fields that, when shown in ``node``, would make its name differ from ``other``'s."""
    ours, theirs = object_projection(node), name_projection(other)
    apart = []
    for name in node.kind.flagged:
        if name in node.shown:
            continue
        where = ours if name in (NOTES, PROPRIETARY) else ours["values"]
        there = theirs if name in (NOTES, PROPRIETARY) else theirs["values"]
        value, masked = where[name], there[name]  # type: ignore[index]
        if value not in ("", False) and value != masked:
            apart.append(name)
    return apart


# Names --------------------------------------------------------------------------


def node_name(node: Node) -> str:
    """The name; empty when nothing in the node is shown.

    Heads and components first, then ``(notes)``, then ``[ATTRIBUTE=value,…]``, which
    stands close to the formula of an active material: ``D5 E4 F[LMO]``.
    """
    pieces = [_head(node.head), _contents(node)]
    if node.notes and NOTES in node.shown:
        pieces.append(f"({escape_notes(node.notes)})")
    attributes = _attributes(node.kind.attributes, node.values, node.shown)
    if node.proprietary and PROPRIETARY in node.shown:
        attributes.append("PROPRIETARY")
    name = " ".join(piece for piece in pieces if piece)
    if not attributes:
        return name
    between = " " if name and node.kind.key != "active-material" else ""
    return f"{name}{between}[{','.join(attributes)}]"


def lot_name(lot: Lot) -> str:
    """``label[VEN=…,DATE=…](blueprint)``, as the thesis prints ``50000([CATH=…])``."""
    attributes = _attributes(LOT_ATTRIBUTES, lot.values, lot.shown)
    if lot.notes and NOTES in lot.shown:
        attributes.append(f"NOTES={quote(lot.notes)}")
    label = lot.label if _LABEL.fullmatch(lot.label) else quote(lot.label)
    inside = f"[{','.join(attributes)}]" if attributes else ""
    return f"{label}{inside}({embedded(lot.blueprint.name)})"


def lot_digest(lot: Lot) -> str:
    """Of everything a lot says."""
    return digest_of(
        {
            "label": lot.label,
            "blueprint": lot.blueprint.key,
            NOTES: lot.notes,
            "values": {name: _canonical(value) for name, value in lot.values.items()},
        }
    )


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def embedded(name: str, separators: str = "") -> str:
    """``name`` inside another one: in braces where it could be read as structure."""
    stands = name and name[0] not in '"{' and _well_formed(name, separators)
    return name if stands else wrapped(name)


def wrapped(name: str) -> str:
    """``{name}``, or in quotes where its own brackets do not match."""
    return f"{{{name}}}" if name and _well_formed(name, "") else quote(name)


def escape_notes(notes: str) -> str:
    special = r"(\\)" if is_balanced(notes) else r"([\\()])"
    return re.sub(special, r"\\\1", notes)


def is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _head(head: str) -> str:
    """A head that could be taken for one with notes, attributes or a lot is quoted."""
    if not head:
        return ""
    if head.startswith('"') or _GROUP_AT_END.search(head) or not _well_formed(head, ""):
        return quote(head)
    return head


def _contents(node: Node) -> str:
    if node.kind.key == "active-material":
        return " ".join(_atom(part) for part in falling(node.parts))
    groups = []
    for group, _ in node.kind.parts:
        text = "+".join(_terms(part for part in node.parts if part.group == group))
        if text:
            groups.append(f"INACTIVES:({text})" if group == "inactives" else text)
    return " + ".join(groups)


def _terms(parts: Iterable[Part]) -> list[str]:
    """Weighted parts, largest first; a single one that is all of it stands without percent."""
    ordered = falling(parts)
    if len(ordered) == 1 and ordered[0].amount == 100 and ordered[0].group != "inactives":
        return [_lone(ordered[0].name)]
    return [f"{plain(part.amount)}%{embedded(part.name, '+')}" for part in ordered]


def _lone(name: str) -> str:
    """A part without its amount must not look as if it had one, or were notes or a group.

    Attributes of a powder without a formula, ``[Stone,natural]``, differ from those of
    whatever it is in, but for the word both have.
    """
    if not re.match(r"[\d.?(\[]|inactives", name, re.IGNORECASE):
        return embedded(name, "+")
    is_group = name.startswith("[") and _outside_brackets(_QUOTED.sub("q", name)) == "("
    return name if is_group and not name.endswith("PROPRIETARY]") else wrapped(name)


def _atom(part: Part) -> str:
    """``Ni0.5``; a single atom per formula unit prints no number."""
    return part.name if part.amount == 1 else f"{part.name}{plain(part.amount)}"


def falling(parts: Iterable[Part]) -> list[Part]:
    """Largest amount first, unknown ones last, then by name."""
    return sorted(
        parts,
        key=lambda part: (part.amount is None, -(part.amount or 0), part.name),
    )


def _attributes(
    attributes: Iterable[Attribute], values: Mapping[str, Value | Child], shown: Iterable[str]
) -> list[str]:
    visible = set(shown)
    return [
        _attribute(attribute, values.get(attribute.field))
        for attribute in attributes
        if attribute.field in visible
    ]


def _attribute(attribute: Attribute, value: Value | Child) -> str:
    tag = attribute.tag or attribute.field.split("_")[-1].upper()
    if value is None or value == "":
        return f"{tag}=?"
    if isinstance(value, Child):
        return f"{tag}={embedded(value.name, ',')}"
    if isinstance(value, Decimal):
        return f"{tag}={plain(value)}{attribute.unit}"
    text = str(value)
    if attribute.type == "choice":
        return f"{tag}={text}" if attribute.tag else text
    if not attribute.tag:
        return text if _BARE.fullmatch(text) and text not in _RESERVED else quote(text)
    return f"{tag}={text if _BARE.fullmatch(text) else quote(text)}"


# Words that a free text of its own could be mistaken for.
_RESERVED = frozenset({"natural", "artificial", "both", "cathode", "anode", "PROPRIETARY"})


def _well_formed(text: str, separators: str) -> bool:
    """Brackets and quotes close, and no separator stands outside of them.

    Between plus signs a bracket after a space would be taken for notes or attributes.
    """
    bare = _QUOTED.sub("q", text)
    outside = None if '"' in bare else _outside_brackets(bare)
    if outside is None or "\\" in outside:
        return False
    if "+" in separators and " (" in outside:
        return False
    return not any(separator in outside for separator in separators)


def _outside_brackets(text: str) -> str | None:
    """``text`` with one ``(`` for each group in brackets; None when they do not match."""
    stack: list[str] = []
    outside = []
    for token in _TOKENS.findall(text):
        if token in _CLOSING:
            if not stack or stack.pop() != _CLOSING[token]:
                return None
            continue
        if not stack:
            outside.append("(" if token in _OPENING else token)
        if token in _OPENING:
            stack.append(token)
    return None if stack else "".join(outside)


def _part_rows(node: Node) -> list[list[str]]:
    return sorted([part.group, part.key, plain(part.amount)] for part in node.parts)


def _canonical(value: Value | Child) -> object:
    if isinstance(value, Child):
        return {"node": value.key}
    if isinstance(value, Decimal):
        return plain(value)
    return "" if value is None else value
