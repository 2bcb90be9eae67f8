"""REST resources of every other kind of node, and of all lots, from the table of kinds."""

from typing import Any

from rest_framework import serializers, viewsets
from rest_framework.routers import BaseRouter

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from cells.api.registry import DELETE_BY_CURATORS, DeletesUnused, ShowsFields
from cells.elements import ELEMENTS
from cells.kinds import KINDS, Kind
from cells.models import BLUEPRINTS, LOTS, PARTS
from cells.services import nodes, rendering
from cells.tables.nodes import node_filter

# Electrolytes have a notation of their own, molecules and dry cells came first.
ELSEWHERE = ("molecule", "electrolyte", "dry-cell")


class NodeNameField(serializers.CharField):
    """Another node by its name or number, or by a lot of it; empty when it is unknown."""

    def __init__(self, kind_key: str = "", **options: Any) -> None:
        self.kind_key = kind_key
        options |= {"required": False, "allow_blank": True}
        options["help_text"] = f"Name, number or lot of a {kind_key.replace('-', ' ')}."
        super().__init__(**options)

    def get_attribute(self, instance: Any) -> Any:
        name = str(self.field_name)
        lot = getattr(instance, f"{name}_lot", None)
        found = lot or getattr(instance, name)
        return found.name if found else ""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        return nodes.find_node(self.kind_key, text) if text else (None, None)


class NodePartSerializer(serializers.Serializer[Any]):
    group = serializers.CharField(help_text="Such as actives or inactives.")
    material = serializers.CharField(source="child.name", help_text="Name, number or lot.")
    amount = serializers.DecimalField(
        max_digits=12,
        decimal_places=6,
        min_value=0,
        allow_null=True,
        help_text="null: unknown.",
        normalize_output=True,
    )


class NodeSerializer(ShowsFields):
    """Of one kind; made by ``_node_serializer``."""

    @property
    def model(self) -> Any:
        return self.Meta.model

    def create(self, values: dict[str, Any]) -> Any:
        kind = KINDS[self.model.kind_key]
        values.setdefault("shown", sorted(kind.shown))
        return self._save(self.model(), values)

    def update(self, row: Any, values: dict[str, Any]) -> Any:
        return self._save(row, values)

    def _save(self, row: Any, values: dict[str, Any]) -> Any:
        given = values.pop("parts", None)
        for attribute in row.kind.attributes:
            if attribute.type == "node" and attribute.field in values:
                blueprint, lot = values.pop(attribute.field)
                setattr(row, attribute.field, blueprint)
                if hasattr(row, f"{attribute.field}_lot_id"):
                    setattr(row, f"{attribute.field}_lot", lot)
        for name, value in values.items():
            setattr(row, name, value)
        parts = None if given is None else [_part(row.kind, part) for part in given]
        saved = nodes.save_node(row, parts, by=self.context["request"].user)
        return rendering.with_parts(type(saved)).get(pk=saved.pk)


def _part(kind: Kind, values: dict[str, Any]) -> Any:
    kinds = dict(kind.parts)
    group, text, amount = values["group"], values["child"]["name"], values["amount"]
    if group not in kinds:
        raise LabError(f"{group} is no group of a {kind.label}.", fix=f"Use {', '.join(kinds)}.")
    model: Any = PARTS[kind.key, group]
    if kinds[group] == "atom":
        if text not in ELEMENTS:
            raise LabError(f"{text} is no element.", fix="Write a symbol such as Ni.")
        return model(symbol=text, amount=amount)
    material, lot = nodes.find_node(kinds[group], text)
    return model(material=material, lot=lot, amount=amount)


def _node_serializer(kind: Kind) -> type[NodeSerializer]:
    head = [kind.head] if kind.head else []
    attributes = [found.field for found in kind.attributes]
    parts = ["parts"] if kind.parts else []
    declared: dict[str, Any] = {
        found.field: NodeNameField(found.refers_to)
        for found in kind.attributes
        if found.type == "node"
    }
    if kind.parts:
        declared["parts"] = NodePartSerializer(many=True, required=False)
    fields = ["id", "name", "digest", *head, *attributes, *parts, "notes", "proprietary"]
    meta = type(
        "Meta",
        (),
        {
            "model": BLUEPRINTS[kind.key],
            "fields": [*fields, "shown", "created_at"],
            "read_only_fields": ["name", "digest", "created_at"],
        },
    )
    name = kind.label.title().replace(" ", "")
    return type(f"{name}Serializer", (NodeSerializer,), {**declared, "Meta": meta})


class LotSerializer(serializers.ModelSerializer[Any]):
    """Of one kind; made by ``_lot_serializer``."""

    @property
    def model(self) -> Any:
        return self.Meta.model

    def create(self, values: dict[str, Any]) -> Any:
        return nodes.save_lot(self.model(**values), by=self.context["request"].user)

    def update(self, row: Any, values: dict[str, Any]) -> Any:
        for name, value in values.items():
            setattr(row, name, value)
        return nodes.save_lot(row, by=self.context["request"].user)


def _lot_serializer(kind: Kind) -> type[LotSerializer]:
    model = LOTS[kind.key]
    fields = ["id", "name", "blueprint", model.label_field, "vendor", "creator", "made_on"]
    meta = type(
        "Meta",
        (),
        {
            "model": model,
            "fields": [*fields, "notes", "shown", "created_at"],
            "read_only_fields": ["name", "created_at"],
        },
    )
    name = kind.label.title().replace(" ", "")
    return type(f"{name}LotSerializer", (LotSerializer,), {"Meta": meta})


class NodeViewSet(DeletesUnused, viewsets.ModelViewSet[Any]):
    permission = Permission.VIEW
    permission_by_method = DELETE_BY_CURATORS


def _viewset(name: str, **attributes: Any) -> type[NodeViewSet]:
    return type(f"{name}ViewSet", (NodeViewSet,), attributes)


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    for kind in KINDS.values():
        name = kind.label.title().replace(" ", "")
        if kind.key not in ELSEWHERE:
            viewset = _viewset(
                name,
                queryset=rendering.with_parts(BLUEPRINTS[kind.key]),
                serializer_class=_node_serializer(kind),
                filterset_class=node_filter(kind),
            )
            router.register(kind.slug, viewset)
        if kind.has_lots:
            model: Any = LOTS[kind.key]
            lots = _viewset(
                f"{name}Lot",
                queryset=model.objects.select_related("blueprint"),
                serializer_class=_lot_serializer(kind),
                filterset_fields=["blueprint"],
            )
            router.register(f"{kind.key}-lots", lots)
