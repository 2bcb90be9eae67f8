"""Tests, half-cycles, groups and cells as REST resources, and the points themselves."""

import io

import django_filters
import polars as pl
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.decimate import thin
from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from battery_db.lib.ranges import parse_ranges
from battery_db.lib.runs.models import Job
from battery_db.lib.series import COLUMNS, write_parquet
from cycling.models import CellState, CycleGroup, CyclingTest, HalfCycle, HalfCycleQuerySet
from cycling.services import cells as services
from cycling.services.stored_series import read_stored

MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


class CyclingTestSerializer(serializers.ModelSerializer[CyclingTest]):
    file_name = serializers.CharField(source="file.name", read_only=True)
    cell_id = serializers.IntegerField(source="file.metadata.cell_id", read_only=True)
    start_cycle = serializers.IntegerField(source="file.metadata.start_cycle", read_only=True)

    class Meta:
        model = CyclingTest
        exclude = ["series_name", "series_bytes", "parts", "bookmark_name"]


class HalfCycleSerializer(serializers.ModelSerializer[HalfCycle]):
    cycle = serializers.IntegerField(read_only=True, help_text="Absolute cycle number.")
    cell_id = serializers.IntegerField(source="test.file.metadata.cell_id", read_only=True)

    class Meta:
        model = HalfCycle
        fields = "__all__"


class CycleGroupSerializer(serializers.ModelSerializer[CycleGroup]):
    title = serializers.SerializerMethodField()

    class Meta:
        model = CycleGroup
        fields = "__all__"

    def get_title(self, group: CycleGroup) -> str:
        return services.label_of(group)


class GroupNameSerializer(serializers.Serializer[CycleGroup]):
    name = serializers.CharField(
        max_length=60, allow_blank=True, help_text="Empty goes back to what drove the group."
    )


class CellStateSerializer(serializers.ModelSerializer[CellState]):
    groups = CycleGroupSerializer(many=True, read_only=True)

    class Meta:
        model = CellState
        fields = [
            "cell_id",
            "theoretical_capacity_ah",
            "capacity_is_manual",
            "grouped_at",
            "groups",
        ]


class CapacitySerializer(serializers.Serializer[CellState]):
    theoretical_capacity_ah = serializers.FloatField(
        allow_null=True, help_text="What C-rates refer to; null leaves it to the grouping."
    )


class CyclingTestFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("file__metadata__cell_id")

    class Meta:
        model = CyclingTest
        fields = ["status", "cell_id", "format_name", "sha256"]


class HalfCycleFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("test__file__metadata__cell_id")
    stands_out = django_filters.BooleanFilter(
        method="filter_flags", label="Stands out in its group"
    )

    class Meta:
        model = HalfCycle
        fields = ["cell_id", "test", "polarity", "mode", "group", "excluded", "stands_out"]

    def filter_flags(self, rows: HalfCycleQuerySet, name: str, value: bool) -> HalfCycleQuerySet:
        return rows.exclude(anomaly="") if value else rows.filter(anomaly="")


class CycleGroupFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("cell_id")

    class Meta:
        model = CycleGroup
        fields = ["cell_id", "polarity", "irregular"]


class CyclingTestViewSet(viewsets.ReadOnlyModelViewSet[CyclingTest]):
    """One cell's data from one file. ``series`` gives the points."""

    permission = Permission.VIEW
    queryset = CyclingTest.objects.select_related("file__metadata")
    serializer_class = CyclingTestSerializer
    filterset_class = CyclingTestFilter

    @extend_schema(
        parameters=[
            OpenApiParameter("columns", str, description="Comma-separated BDF names; default all."),
            OpenApiParameter("cycles", str, description="The instrument's cycles: 1,50,100-102."),
            OpenApiParameter("format", str, enum=list(MEDIA_TYPES), description="Default parquet."),
            OpenApiParameter("max_points", int, description="Thin to about this many rows."),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True)
    def series(self, request: Request, pk: str | None = None) -> HttpResponse:
        """Points in BDF columns; positive current charges the cell."""
        test = self.get_object()
        encoding = request.query_params.get("format", "parquet")
        if encoding not in MEDIA_TYPES:
            raise LabError(
                f"There is no format {encoding!r}.", fix=f"Choose one of {', '.join(MEDIA_TYPES)}."
            )
        frame = _chosen(test, request)
        response = HttpResponse(_encoded(frame, encoding), content_type=MEDIA_TYPES[encoding])
        response["Content-Disposition"] = f'attachment; filename="test-{test.pk}.bdf.{encoding}"'
        return response


class HalfCycleViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[HalfCycle]
):
    """Summary numbers of each charge and discharge of the files in use."""

    permission = Permission.VIEW
    queryset = HalfCycle.objects.in_use().with_cycle().select_related("test__file__metadata")
    serializer_class = HalfCycleSerializer
    filterset_class = HalfCycleFilter


class CycleGroupViewSet(viewsets.ReadOnlyModelViewSet[CycleGroup]):
    """Half-cycles driven alike; ``box`` can be used as a dataset filter."""

    permission = Permission.VIEW
    queryset = CycleGroup.objects.all()
    serializer_class = CycleGroupSerializer
    filterset_class = CycleGroupFilter

    @extend_schema(request=GroupNameSerializer, responses=CycleGroupSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give the group the name that people use; it outlives a new grouping."""
        group = self.get_object()
        given = GroupNameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        name = given.validated_data["name"]
        named = services.name_group(group.cell_id, group.pk, name, by=request.user)
        return Response(self.get_serializer(named).data)


class CellStateViewSet(viewsets.ReadOnlyModelViewSet[CellState]):
    """What cycling knows of a Cell ID: theoretical capacity and groups."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.EDIT, "PATCH": Permission.CURATE}
    queryset = CellState.objects.prefetch_related("groups")
    serializer_class = CellStateSerializer

    @extend_schema(request=CapacitySerializer, responses=CellStateSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Set the theoretical capacity by hand."""
        state = self.get_object()
        given = CapacitySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        capacity = given.validated_data["theoretical_capacity_ah"]
        services.set_capacity(state.cell_id, capacity, by=request.user)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, pk: str) -> Response:
        """Import what is new of this cell's files and group it again, as a job."""
        if not pk.isdigit():
            raise LabError(f"{pk!r} is no Cell ID.", fix="Use the lab's number.")
        job = services.request_refresh(int(pk), by=request.user, trigger=Job.Trigger.API)
        return accepted(job)


def accepted(job: Job) -> Response:
    """202 with where to ask for the job."""
    location = f"/api/v1/jobs/{job.pk}/"
    return Response(
        {"job": str(job.pk), "url": location}, status=202, headers={"Location": location}
    )


def _chosen(test: CyclingTest, request: Request) -> pl.DataFrame:
    if not test.series_name:
        raise LabError("This test has no stored points.", fix=test.fix or "See the test's error.")
    columns = [name for name in request.query_params.get("columns", "").split(",") if name]
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise LabError(
            f"There is no column {', '.join(unknown)}.", fix=f"Choose from {', '.join(COLUMNS)}."
        )
    frame = read_stored(test)
    if cycles := parse_ranges(request.query_params.get("cycles", "")):
        if "cycle_count" not in frame.columns:
            raise LabError("This test has no cycle numbers.", fix="Ask for it without 'cycles'.")
        frame = frame.filter(pl.col("cycle_count").is_in(cycles))
    frame = frame.select([name for name in columns if name in frame.columns] or pl.all())
    return _thinned(frame, request.query_params.get("max_points", ""))


def _thinned(frame: pl.DataFrame, max_points: str) -> pl.DataFrame:
    if not max_points:
        return frame
    if not max_points.isdigit() or int(max_points) < 3:
        raise LabError(
            f"max_points is {max_points!r}.",
            fix="Give a whole number of at least 3, or leave it out.",
        )
    if not {"test_time_second", "voltage_volt"} <= set(frame.columns):
        raise LabError(
            "Thinning needs time and voltage.",
            fix="Add test_time_second and voltage_volt to 'columns'.",
        )
    time, voltage = (
        frame[name].to_numpy().astype(float) for name in ("test_time_second", "voltage_volt")
    )
    return frame[thin(time, voltage, int(max_points))]


def _encoded(frame: pl.DataFrame, encoding: str) -> bytes | str:
    if encoding == "csv":
        return frame.write_csv()
    if encoding == "json":
        return frame.write_json()
    buffer = io.BytesIO()
    write_parquet(frame, buffer, {"sign": "positive current charges the cell"})
    return buffer.getvalue()
