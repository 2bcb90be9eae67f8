"""REST resources of datasets: their cells and filters.

Snapshots and exports of a dataset belong to the app that reads cycles.
"""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from battery_db.lib.permissions import Permission
from cells.models import Dataset, DatasetCell, DatasetFilter, FilterRange
from cells.services import datasets as services
from cells.services.nodes import delete_if_unused, save_checked
from cells.tables.datasets import DatasetFilterSet


class MembershipSerializer(serializers.ModelSerializer[DatasetCell]):
    cell_id = serializers.IntegerField(source="wet_cell.cell_id", read_only=True)

    class Meta:
        model = DatasetCell
        fields = ["cell_id", "name", "colour"]


class RangeSerializer(serializers.ModelSerializer[FilterRange]):
    class Meta:
        model = FilterRange
        fields = ["polarity", "attribute", "minimum", "maximum"]


class FilterSerializer(serializers.ModelSerializer[DatasetFilter]):
    """A filter; ``cells`` are Cell IDs, and an empty list means every cell."""

    ranges = RangeSerializer(many=True)
    cells = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, source="cell_ids"
    )

    class Meta:
        model = DatasetFilter
        fields = ["id", "name", "colour", "differential", "ranges", "cells"]

    def to_representation(self, row: DatasetFilter) -> dict[str, Any]:
        row.cell_ids = [member.wet_cell.cell_id for member in row.cells.all()]  # type: ignore[attr-defined]
        return super().to_representation(row)

    def save_for(self, dataset: Dataset, by: Any) -> DatasetFilter:
        values, row = self.validated_data, self.instance
        ranges: Any = values.get("ranges")
        if ranges is None and row is not None:
            ranges = row.ranges.values("polarity", "attribute", "minimum", "maximum")
        chosen = row or DatasetFilter(dataset=dataset)
        for name in ("colour", "differential"):
            setattr(chosen, name, values.get(name, getattr(chosen, name)))
        cells = values.get("cell_ids")
        if cells is None and row is not None:
            cells = [member.wet_cell.cell_id for member in row.cells.all()]
        return services.save_filter(
            dataset,
            values.get("name", row.name if row else ""),
            [
                (part["polarity"], part["attribute"], part.get("minimum"), part.get("maximum"))
                for part in ranges
            ],
            cells,
            instance=chosen,
            by=by,
        )


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    memberships = MembershipSerializer(many=True, read_only=True)
    filters = FilterSerializer(many=True, read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True, default=None)

    class Meta:
        model = Dataset
        fields = [
            "slug",
            "name",
            "description",
            "licence",
            "export_nightly",
            "created_by",
            "created_at",
            "memberships",
            "filters",
        ]
        read_only_fields = ["slug", "created_at"]

    def create(self, values: dict[str, Any]) -> Dataset:
        by = self.context["request"].user
        extra = {name: values.pop(name) for name in ("export_nightly", "licence") if name in values}
        row = services.create_dataset(**values, by=by)
        if extra:
            for name, value in extra.items():
                setattr(row, name, value)
            save_checked(row, by)
        return row


class CellIdsSerializer(serializers.Serializer[Any]):
    cell_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), max_length=20_000, allow_empty=False
    )


class NameSerializer(serializers.Serializer[Any]):
    cell_id = serializers.IntegerField(min_value=1)
    name = serializers.CharField(allow_blank=True, max_length=200)


class CountSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="How many cells were added or removed.")


class DatasetViewSet(viewsets.ModelViewSet[Dataset]):
    permission = Permission.VIEW
    permission_by_method = {"DELETE": Permission.CURATE}
    queryset = Dataset.objects.select_related("created_by").prefetch_related(
        "memberships__wet_cell", "filters__ranges", "filters__cells__wet_cell"
    )
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilterSet
    lookup_field = "slug"

    def perform_destroy(self, row: Dataset) -> None:
        delete_if_unused(row, by=self.request.user)

    @extend_schema(request=CellIdsSerializer, responses=CountSerializer)
    @action(detail=True, methods=["post"], url_path="add-cells", filterset_class=None)
    def add_cells(self, request: Request, slug: str) -> Response:
        """Add registered cells; all of them or none."""
        asked = CellIdsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ids = asked.validated_data["cell_ids"]
        return Response({"changed": services.add_cells(self.get_object(), ids, by=request.user)})

    @extend_schema(request=CellIdsSerializer, responses=CountSerializer)
    @action(detail=True, methods=["post"], url_path="remove-cells", filterset_class=None)
    def remove_cells(self, request: Request, slug: str) -> Response:
        asked = CellIdsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ids = asked.validated_data["cell_ids"]
        return Response({"changed": services.remove_cells(self.get_object(), ids, by=request.user)})

    @extend_schema(request=NameSerializer, responses=MembershipSerializer)
    @action(detail=True, methods=["post"], url_path="name-cell", filterset_class=None)
    def name_cell(self, request: Request, slug: str) -> Response:
        """Give a cell a name that holds in this dataset only."""
        asked = NameSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        member = services.rename_cell(self.get_object(), **asked.validated_data, by=request.user)
        return Response(MembershipSerializer(member).data)


class FilterViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[DatasetFilter],
):
    """Filters of one dataset. They are part of it, so members may delete them too."""

    permission = Permission.VIEW
    permission_by_method = {"DELETE": Permission.EDIT}
    queryset = DatasetFilter.objects.all()
    serializer_class = FilterSerializer
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[DatasetFilter]:
        rows = DatasetFilter.objects.prefetch_related("ranges", "cells__wet_cell")
        return rows.filter(dataset__slug=self.kwargs.get("slug", ""))

    def create(self, request: Request, slug: str) -> Response:
        dataset = get_object_or_404(Dataset, slug=slug)
        asked = FilterSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if dataset.filters.filter(name=asked.validated_data["name"]).exists():
            raise serializers.ValidationError({"name": "This dataset has a filter of that name."})
        row = asked.save_for(dataset, request.user)
        return Response(FilterSerializer(row).data, status=status.HTTP_201_CREATED)

    def update(self, request: Request, slug: str, pk: int, partial: bool = False) -> Response:
        row = self.get_object()
        asked = FilterSerializer(row, data=request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        asked.save_for(row.dataset, request.user)
        return Response(FilterSerializer(self.get_object()).data)

    def partial_update(self, request: Request, slug: str, pk: int) -> Response:
        return self.update(request, slug, pk, partial=True)

    def perform_destroy(self, row: DatasetFilter) -> None:
        services.delete_filter(row, by=self.request.user)


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    router.register("datasets", DatasetViewSet)
    router.register(r"datasets/(?P<slug>[-\w]+)/filters", FilterViewSet, basename="dataset-filter")
