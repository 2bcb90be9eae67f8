"""REST resources of the registry: molecules, electrolytes, dry cells, wet cells."""

from dataclasses import replace
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.routers import BaseRouter

from battery_db.lib.permissions import Permission
from cells.compositions import Component, Recipe, tidy
from cells.forms.registry import CellSearchForm
from cells.kinds import KINDS
from cells.models import DryCell, Electrolyte, ElectrolyteComponent, Molecule, WetCell
from cells.models.wet_cells import WetCellQuerySet
from cells.services import materials, nodes, registry
from cells.tables.registry import DryCellFilter, ElectrolyteFilter, MoleculeFilter

DELETE_BY_CURATORS = {"DELETE": Permission.CURATE}


class ShowsFields(serializers.ModelSerializer[Any]):
    """A blueprint whose name shows what ``shown`` lists; new ones show what is usual."""

    def validate_shown(self, value: Any) -> list[str]:
        kind = KINDS[self.Meta.model.kind_key]  # type: ignore[attr-defined]
        if not isinstance(value, list) or set(value) - set(kind.flagged):
            raise serializers.ValidationError(f"Give a list of: {', '.join(kind.flagged)}.")
        return sorted(set(value))


class MoleculeSerializer(ShowsFields):
    class Meta:
        model = Molecule
        fields = [
            "id",
            "name",
            "short_name",
            "smiles",
            "default_role",
            "description",
            "notes",
            "proprietary",
            "shown",
        ]
        read_only_fields = ["name"]

    def create(self, values: dict[str, Any]) -> Molecule:
        row = Molecule(**values)
        nodes.save_node(row, by=_person(self))
        return row

    def update(self, row: Molecule, values: dict[str, Any]) -> Molecule:
        for name, value in values.items():
            setattr(row, name, value)
        nodes.save_node(row, by=_person(self))
        return row


class ComponentSerializer(serializers.ModelSerializer[ElectrolyteComponent]):
    molecule = serializers.CharField(source="child.name", help_text="Name of the molecule or lot.")
    amount = serializers.DecimalField(
        max_digits=12,
        decimal_places=6,
        allow_null=True,
        help_text="null: unknown.",
        normalize_output=True,
    )

    class Meta:
        model = ElectrolyteComponent
        fields = ["molecule", "role", "amount", "unit"]


class ElectrolyteSerializer(serializers.ModelSerializer[Electrolyte]):
    """Create or change one by ``components``, or by ``text`` in the notation of its name."""

    components = ComponentSerializer(many=True, required=False)
    text = serializers.CharField(
        write_only=True,
        required=False,
        max_length=1000,
        help_text="Instead of components: 70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)",
    )
    notes = serializers.CharField(required=False, allow_blank=True, max_length=1000)

    class Meta:
        model = Electrolyte
        fields = [
            "id",
            "name",
            "digest",
            "components",
            "text",
            "notes",
            "proprietary",
            "created_at",
        ]
        read_only_fields = ["name", "digest", "created_at"]

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and not (values.keys() & {"components", "text", "notes"}):
            raise serializers.ValidationError("Give components, text or notes.")
        if "components" in values and "text" in values:
            raise serializers.ValidationError("Give either components or text.")
        return values

    def create(self, values: dict[str, Any]) -> Electrolyte:
        return materials.define_electrolyte(_recipe(values, Recipe()), by=_person(self))

    def update(self, row: Electrolyte, values: dict[str, Any]) -> Electrolyte:
        recipe = _recipe(values, row.as_recipe())
        return materials.edit_electrolyte(row, recipe, by=_person(self))


class DryCellSerializer(ShowsFields):
    class Meta:
        model = DryCell
        fields = [
            "id",
            "name",
            "label",
            "cathode",
            "anode",
            "separator",
            "geometry",
            "nominal_capacity_ah",
            "lower_cutoff_voltage",
            "upper_cutoff_voltage",
            "notes",
            "proprietary",
            "shown",
        ]
        read_only_fields = ["name"]

    def create(self, values: dict[str, Any]) -> DryCell:
        values.setdefault("shown", sorted(KINDS[DryCell.kind_key].shown))
        row = DryCell(**values)
        nodes.save_node(row, by=_person(self))
        return row

    def update(self, row: DryCell, values: dict[str, Any]) -> DryCell:
        for name, value in values.items():
            if hasattr(row, f"{name}_lot_id") and getattr(row, name) != value:
                setattr(row, f"{name}_lot", None)  # a lot of what was there before
            setattr(row, name, value)
        nodes.save_node(row, by=_person(self))
        return row


class WetCellSerializer(serializers.ModelSerializer[WetCell]):
    electrolyte_name = serializers.CharField(
        source="electrolyte.name", read_only=True, default=None, allow_null=True
    )
    dry_cell_name = serializers.CharField(
        source="dry_cell.name", read_only=True, default=None, allow_null=True
    )
    datasets = serializers.SerializerMethodField(help_text="Slugs of the datasets it is in.")

    class Meta:
        model = WetCell
        fields = [
            "cell_id",
            "electrolyte",
            "electrolyte_name",
            "dry_cell",
            "dry_cell_name",
            "electrolyte_lot",
            "dry_cell_lot",
            "datasets",
            "notes",
            "proprietary",
            "created_at",
        ]
        read_only_fields = ["created_at", "electrolyte_lot", "dry_cell_lot"]

    @extend_schema_field(serializers.ListField(child=serializers.SlugField()))
    def get_datasets(self, cell: WetCell) -> list[str]:
        return [membership.dataset.slug for membership in cell.memberships.all()]

    def create(self, values: dict[str, Any]) -> WetCell:
        return registry.register_cell(**values, by=_person(self))

    def update(self, cell: WetCell, values: dict[str, Any]) -> WetCell:
        if values.pop("cell_id", cell.cell_id) != cell.cell_id:
            raise serializers.ValidationError({"cell_id": "A Cell ID never changes."})
        given = {
            # The blueprint that is there already says nothing about its lot.
            "electrolyte": _kept(values, "electrolyte", cell.electrolyte, cell.filling),
            "dry_cell": _kept(values, "dry_cell", cell.dry_cell, cell.body),
            "notes": values.get("notes", cell.notes),
            "proprietary": values.get("proprietary", cell.proprietary),
        }
        return registry.edit_cell(cell, **given, by=_person(self))


def _kept(values: dict[str, Any], name: str, blueprint: Any, lot_or_blueprint: Any) -> Any:
    given = values.get(name, blueprint)
    return lot_or_blueprint if given == blueprint else given


class DeletesUnused:
    """Deleting what is in use answers 409 with the list of what uses it."""

    def perform_destroy(self, row: Any) -> None:
        nodes.delete_if_unused(row, by=self.request.user)  # type: ignore[attr-defined]


class MoleculeViewSet(DeletesUnused, viewsets.ModelViewSet[Molecule]):
    permission = Permission.VIEW
    permission_by_method = DELETE_BY_CURATORS
    queryset = Molecule.objects.all()
    serializer_class = MoleculeSerializer
    filterset_class = MoleculeFilter


class ElectrolyteViewSet(DeletesUnused, viewsets.ModelViewSet[Electrolyte]):
    permission = Permission.VIEW
    permission_by_method = DELETE_BY_CURATORS
    queryset = Electrolyte.objects.prefetch_related("components__molecule", "components__lot")
    serializer_class = ElectrolyteSerializer
    filterset_class = ElectrolyteFilter


class DryCellViewSet(DeletesUnused, viewsets.ModelViewSet[DryCell]):
    permission = Permission.VIEW
    permission_by_method = DELETE_BY_CURATORS
    queryset = DryCell.objects.all()
    serializer_class = DryCellSerializer
    filterset_class = DryCellFilter


class CellSearchFilter(django_filters.rest_framework.DjangoFilterBackend):
    """The search of the page ``/cells/``: the same parameters, the same answer."""

    def filter_queryset(self, request: Any, queryset: WetCellQuerySet, view: Any) -> QuerySet[Any]:
        if view.action != "list":
            return queryset
        form = CellSearchForm(request.query_params)
        if not form.is_valid():
            raise serializers.ValidationError(form.errors.get_json_data())
        return queryset.matching(form.query)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return []


SEARCH_PARAMETERS = [
    OpenApiParameter("q", str, description="The search box: Cell IDs, molecules, words."),
    OpenApiParameter("ids", str, description="10001-10010, 10020"),
    OpenApiParameter("contains", str, description="EC, 2%VC±0.5, 1.2mLiPF6"),
    OpenApiParameter("without", str, description="FEC, DTD"),
    OpenApiParameter("tolerance", float, description="Percent of each amount; 5 if not given."),
    OpenApiParameter("file", str, description="Words that must occur in the name of one file."),
    OpenApiParameter("dry_cell", int, description="Number of a dry cell."),
    OpenApiParameter("electrolyte", int, description="Number of an electrolyte."),
    OpenApiParameter("dataset", str, description="Slug of a dataset."),
    OpenApiParameter("has_files", str, enum=["yes", "no"], description="With or without files."),
]


class WetCellViewSet(DeletesUnused, viewsets.ModelViewSet[WetCell]):
    permission = Permission.VIEW
    permission_by_method = DELETE_BY_CURATORS
    queryset = WetCell.objects.for_table()
    serializer_class = WetCellSerializer
    filter_backends = [CellSearchFilter]
    lookup_field = "cell_id"
    lookup_value_regex = r"\d{1,10}"
    lookup_value_converter = "int"

    @extend_schema(parameters=SEARCH_PARAMETERS)
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Cells that fulfil every parameter; without any, all."""
        return super().list(request, *args, **kwargs)


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    router.register("molecules", MoleculeViewSet)
    router.register("electrolytes", ElectrolyteViewSet)
    router.register("dry-cells", DryCellViewSet)
    router.register("cells", WetCellViewSet)


def _person(serializer: serializers.BaseSerializer[Any]) -> Any:
    return serializer.context["request"].user


def _recipe(values: dict[str, Any], before: Recipe) -> Recipe:
    """What the request says, on top of what was there."""
    notes = values.get("notes", before.notes)
    proprietary = values.get("proprietary", before.proprietary)
    if "text" in values:
        read = materials.as_recipe(values["text"], values.get("notes", ""))
        return replace(read, proprietary=read.proprietary or proprietary, shown=before.shown)
    components = before.components
    if "components" in values:
        components = tuple(
            Component(tidy(part["child"]["name"]), part["role"], part["amount"], part["unit"])
            for part in values["components"]
        )
    return materials.as_recipe(Recipe(components, tidy(notes), proprietary, before.shown))
