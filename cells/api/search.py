"""The search tree over REST: five lists that take the parameters of the page."""

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from battery_db.lib.pagination import IdCursorPagination
from battery_db.lib.permissions import Permission
from cells.forms.molecule_rows import ROW_FIELDS
from cells.forms.search import LIST_FIELDS, SearchTreeForm
from cells.models import DryCell, DryCellLot, Electrolyte, WetCell
from cells.search_tree import ROLES, SCALARS, UNITS, Among, Need, Node
from cells.services import searching

_PAGING = ("cursor", "page_size", "format")


class CellIdPagination(CursorPagination):
    """By Cell ID, so that a list stays stable while cells are registered."""

    ordering = "cell_id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class FoundCellSerializer(serializers.ModelSerializer[WetCell]):
    electrolyte_name = serializers.CharField(source="filling.name", default=None)
    dry_cell_name = serializers.CharField(source="body.name", default=None)
    box_id = serializers.CharField(source="dry_cell_lot.box_id", default=None)

    class Meta:
        model = WetCell
        fields = ["cell_id", "electrolyte", "electrolyte_name", "dry_cell", "dry_cell_name"]
        fields += ["box_id", "notes"]


class FoundDataSerializer(serializers.Serializer[Any]):
    cell_id = serializers.IntegerField()
    registered = serializers.BooleanField()
    files_in_use = serializers.IntegerField()
    deprecated_files = serializers.IntegerField()
    first_file = serializers.CharField()


class FoundElectrolyteSerializer(serializers.ModelSerializer[Electrolyte]):
    class Meta:
        model = Electrolyte
        fields = ["id", "name", "notes", "proprietary"]


class FoundDryCellSerializer(serializers.ModelSerializer[DryCell]):
    class Meta:
        model = DryCell
        fields = ["id", "name", "geometry", "cathode", "anode", "separator", "notes"]
        fields += ["proprietary"]


class FoundBoxSerializer(serializers.ModelSerializer[DryCellLot]):
    dry_cell = serializers.IntegerField(source="blueprint_id")
    dry_cell_name = serializers.CharField(source="blueprint.name")

    class Meta:
        model = DryCellLot
        fields = ["id", "box_id", "name", "dry_cell", "dry_cell_name", "vendor", "made_on", "notes"]


def _many(name: str, description: str, **options: Any) -> OpenApiParameter:
    """A parameter that may be given several times."""
    return OpenApiParameter(name, str, many=True, description=description, **options)


PARAMETERS = [
    OpenApiParameter(
        "among",
        str,
        enum=list(Among),
        description="all: what is registered; cells: what is in wet cells that match; "
        "cycling: what is in wet cells with matching cycling data.",
    ),
    _many("molecule", "Molecules or molecule lots by name, one for each row."),
    _many("need", "What each row asks; mandatory if not given.", enum=list(Need)),
    _many("amount", "Amount of each row; empty: any."),
    _many("unit", "Unit of each amount; empty: any.", enum=["", *UNITS]),
    _many("row_tolerance", "Absolute tolerance of each row; empty: relative."),
    _many("role", "Role of each row; empty: any.", enum=["", *ROLES]),
    _many("complete", "No others in these roles.", enum=list(ROLES)),
    OpenApiParameter("tolerance", float, description="Percent of each amount; 5 if not given."),
    OpenApiParameter("proprietary", str, enum=["yes", "no"], description="Electrolytes."),
    *(OpenApiParameter(f"notes{n}", str, description="Notes of electrolytes.") for n in (1, 2, 3)),
    *(
        OpenApiParameter(f"box{n}", str, description="A Box ID; one of the five will do.")
        for n in range(1, 6)
    ),
    *(_many(part, f"{part.capitalize()}s or lots by name.") for part in LIST_FIELDS),
    _many("geometry", "Categories of geometry, such as pouch."),
    *(
        OpenApiParameter(f"{part}_known", bool, description="Exclude missing.")
        for part in (*LIST_FIELDS, "geometry")
    ),
    *(
        OpenApiParameter(f"{name}{end}", kind, description=words)
        for name, scalar in SCALARS.items()
        for end, kind, words in (
            ("", float, f"{scalar.label} / {scalar.unit}"),
            ("_tolerance", float, "Absolute; relative if not given."),
            ("_known", bool, "Exclude missing."),
        )
    ),
    OpenApiParameter("dry_tolerance", float, description="Percent; 5 if not given."),
    OpenApiParameter("dry_proprietary", str, enum=["yes", "no"], description="Dry cells."),
    OpenApiParameter("dry_notes", str, description="Notes of dry cells."),
    OpenApiParameter("ids", str, description="Cell IDs: 10001-10050, 10101"),
    _many("dataset", "Slugs of datasets; one of them will do."),
    OpenApiParameter("operator", str, description="Char ID: initials in the file name."),
    *(
        OpenApiParameter(f"{name}{end}", kind, description=words)
        for name, kind in (
            ("upper_cutoff_voltage", float),
            ("temperature_celsius", float),
            ("date", str),
        )
        for end, words in (("", "Exactly."), ("_min", "At least."), ("_max", "At most."))
    ),
    *(OpenApiParameter(f"file{n}", str, description="In the file name.") for n in (1, 2, 3)),
    *(OpenApiParameter(f"folder{n}", str, description="In the folder.") for n in (1, 2, 3)),
]
KNOWN = {parameter.name for parameter in PARAMETERS} | set(ROW_FIELDS) | set(_PAGING)


class FoundViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """One node of the search tree. A parameter that does not exist is refused, as it
    would otherwise ask nothing and find everything.
    """

    permission = Permission.VIEW
    filter_backends: list[Any] = []
    pagination_class: type[CursorPagination] = IdCursorPagination
    node: Node

    def get_queryset(self) -> QuerySet[Any]:
        return searching.with_names(self.node, searching.find(self.tree()))

    def tree(self) -> Any:
        asked = self.request.query_params.copy()
        unknown = sorted(set(asked) - KNOWN)
        if unknown:
            raise serializers.ValidationError(
                {name: [f"There is no search parameter {name!r}."] for name in unknown}
            )
        for name in _PAGING:
            asked.pop(name, None)
        asked["find"] = self.node
        form = SearchTreeForm(QueryDict(asked.urlencode()))
        if not form.is_valid():
            raise serializers.ValidationError(form.errors.get_json_data())
        return form.tree


def _list(what: str) -> Any:
    return extend_schema_view(
        list=extend_schema(
            parameters=PARAMETERS,
            description=f"{what} All parameters hold together, as far as they count for this "
            "kind of search (see docs/science.md); without any, everything is found.",
        )
    )


@_list("Wet cells.")
class FoundCellViewSet(FoundViewSet):
    node = Node.CELLS
    serializer_class = FoundCellSerializer
    queryset = WetCell.objects.none()
    pagination_class = CellIdPagination


@_list("Cell IDs with valid cycling data, registered or not.")
class FoundDataViewSet(FoundViewSet):
    node = Node.CYCLING
    serializer_class = FoundDataSerializer
    queryset = WetCell.objects.none()
    pagination_class = CellIdPagination

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset().values("cell_id"))
        rows = searching.rows_of(self.node, [row["cell_id"] for row in page or []])
        found = [
            {
                "cell_id": row.key,
                "registered": row.is_registered,
                "files_in_use": row.values[2].text,
                "deprecated_files": row.values[3].text,
                "first_file": row.values[4].text,
            }
            for row in rows
        ]
        return self.get_paginated_response(self.get_serializer(found, many=True).data)


@_list("Electrolytes.")
class FoundElectrolyteViewSet(FoundViewSet):
    node = Node.ELECTROLYTES
    serializer_class = FoundElectrolyteSerializer
    queryset = Electrolyte.objects.none()


@_list("Dry cells.")
class FoundDryCellViewSet(FoundViewSet):
    node = Node.DRY_CELLS
    serializer_class = FoundDryCellSerializer
    queryset = DryCell.objects.none()


@_list("Boxes.")
class FoundBoxViewSet(FoundViewSet):
    node = Node.BOXES
    serializer_class = FoundBoxSerializer
    queryset = DryCellLot.objects.none()


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    router.register("search/cells", FoundCellViewSet, basename="search-cells")
    router.register("search/cycling", FoundDataViewSet, basename="search-cycling")
    router.register("search/electrolytes", FoundElectrolyteViewSet, basename="search-electrolytes")
    router.register("search/dry-cells", FoundDryCellViewSet, basename="search-dry-cells")
    router.register("search/boxes", FoundBoxViewSet, basename="search-boxes")
