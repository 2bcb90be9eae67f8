"""Exports and snapshots of datasets: ask for one, watch its job, download the result."""

from typing import Any

from django.http import FileResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.byte_ranges import ranged_response
from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from battery_db.lib.runs.models import Job
from cells.models import Dataset, Snapshot
from cycling.api.tests import accepted
from cycling.exports.croissant import croissant
from cycling.models import DatasetExport
from cycling.services import datasets as services


class ExportSerializer(serializers.ModelSerializer[DatasetExport]):
    dataset = serializers.SlugRelatedField[Dataset](slug_field="slug", read_only=True)
    download = serializers.SerializerMethodField()

    class Meta:
        model = DatasetExport
        fields = [
            "id",
            "dataset",
            "format",
            "fingerprint",
            "file_count",
            "byte_count",
            "created_at",
            "download",
        ]

    def get_download(self, export: DatasetExport) -> str:
        return f"/api/v1/exports/{export.pk}/download/"


class ExportRequestSerializer(serializers.Serializer[Any]):
    format = serializers.ChoiceField(
        choices=DatasetExport.Format.choices, default=DatasetExport.Format.CSV
    )


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    datasets = serializers.SlugRelatedField[Dataset](slug_field="slug", many=True, read_only=True)
    is_compiled = serializers.SerializerMethodField()

    class Meta:
        model = Snapshot
        fields = ["id", "title", "datasets", "digest", "created_at", "is_compiled"]

    def get_is_compiled(self, snapshot: Snapshot) -> bool:
        return snapshot.manifest is not None


class FreezeSerializer(serializers.Serializer[Any]):
    datasets = serializers.ListField(
        child=serializers.SlugField(),
        min_length=1,
        max_length=services.MOST_FROZEN,
        help_text="Slugs; their cells go into one snapshot, each cell once.",
    )


class ExportViewSet(viewsets.ReadOnlyModelViewSet[DatasetExport]):
    permission = Permission.VIEW
    queryset = DatasetExport.objects.select_related("dataset")
    serializer_class = ExportSerializer

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True)
    def download(self, request: Request, pk: str) -> FileResponse:
        """The files of the export as a zip."""
        export = self.get_object()
        return FileResponse(
            services.open_export(export),
            as_attachment=True,
            filename=services.download_name(export),
        )


class SnapshotViewSet(viewsets.ReadOnlyModelViewSet[Snapshot]):
    """Frozen datasets. ``manifest`` describes the tensors, ``shards`` are the files."""

    permission = Permission.VIEW
    queryset = Snapshot.objects.prefetch_related("datasets").defer("selection")
    serializer_class = SnapshotSerializer

    @extend_schema(request=FreezeSerializer, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request) -> Response:
        """Freeze one or more datasets together and compile them: 202, and a job to watch."""
        asked = FreezeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        datasets = services.named(asked.validated_data["datasets"])
        job = services.request_snapshot(datasets, by=request.user, trigger=Job.Trigger.API)
        return accepted(job)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def manifest(self, request: Request, pk: str) -> Response:
        """Schema, units, grids, versions, splits, names of ids, and the list of shards."""
        snapshot = self.get_object()
        if snapshot.manifest is None:
            raise LabError(
                "This snapshot has no tensors yet.", fix="Wait for its job, or compile it again."
            )
        return Response(snapshot.manifest, headers={"ETag": f'"{snapshot.digest}"'})

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def croissant(self, request: Request, pk: str) -> Response:
        """The tensors in Croissant 1.0, the metadata that machine-learning catalogues read."""
        snapshot = self.get_object()
        if snapshot.manifest is None:
            raise LabError(
                "This snapshot has no tensors yet.", fix="Wait for its job, or compile it again."
            )
        document = croissant(
            snapshot.manifest,
            address=request.build_absolute_uri(f"/api/v1/snapshots/{snapshot.pk}/"),
            published=f"{snapshot.created_at:%Y-%m-%d}",
            licence=services.licence_of(snapshot),
        )
        return Response(document)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, url_path=r"shards/(?P<number>\d+)")
    def shard(self, request: Request, pk: str, number: str) -> HttpResponseBase:
        """One safetensors file; Range, If-Range and If-None-Match are honoured."""
        shard = get_object_or_404(self.get_object().shards, number=int(number))
        return ranged_response(
            request._request,
            services.open_shard(shard),
            size=shard.byte_count,
            sha256=shard.sha256,
            content_type="application/octet-stream",
        )


class _OfDataset(viewsets.GenericViewSet[Any]):
    """Lists below ``/datasets/{slug}/``."""

    permission = Permission.VIEW

    def dataset(self) -> Dataset:
        return get_object_or_404(Dataset, slug=self.kwargs["slug"])


class DatasetSnapshotViewSet(mixins.ListModelMixin, _OfDataset):
    serializer_class = SnapshotSerializer

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Snapshot.objects.none()
        return self.dataset().snapshots.prefetch_related("datasets").defer("selection")

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request, slug: str) -> Response:
        """Freeze the dataset and compile its tensors: 202, and a job to watch."""
        job = services.request_snapshot([self.dataset()], by=request.user, trigger=Job.Trigger.API)
        return accepted(job)


class DatasetExportViewSet(mixins.ListModelMixin, _OfDataset):
    serializer_class = ExportSerializer

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return DatasetExport.objects.none()
        return self.dataset().exports.select_related("dataset")

    @extend_schema(request=ExportRequestSerializer, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request, slug: str) -> Response:
        """Write the dataset as files (default: the CSV folder): 202, and a job to watch."""
        asked = ExportRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kind = asked.validated_data["format"]
        dataset = self.dataset()
        job = services.request_export(dataset, kind, by=request.user, trigger=Job.Trigger.API)
        return accepted(job)
