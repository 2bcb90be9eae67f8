"""Spectra and compositions as REST resources."""

import django_filters
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from ftir.models import Composition, InfraredSpectrum
from ftir.services import compositions
from ftir.services import spectra as services


class InfraredSpectrumSerializer(serializers.ModelSerializer[InfraredSpectrum]):
    cell_id = serializers.IntegerField(source="file.metadata.cell_id", read_only=True, default=None)
    start_cycle = serializers.IntegerField(
        source="file.metadata.start_cycle", read_only=True, default=None
    )

    class Meta:
        model = InfraredSpectrum
        exclude = ["series_name", "added_by"]


class CompositionSerializer(serializers.ModelSerializer[Composition]):
    cell_id = serializers.IntegerField(
        source="spectrum.file.metadata.cell_id", read_only=True, default=None
    )
    calibration_name = serializers.CharField(source="calibration.__str__", read_only=True)

    class Meta:
        model = Composition
        fields = "__all__"


class UploadSerializer(serializers.Serializer[InfraredSpectrum]):
    file = serializers.FileField(help_text="A spectrum in any readable format.")


class InfraredSpectrumFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("file__metadata__cell_id")

    class Meta:
        model = InfraredSpectrum
        fields = [
            "cell_id",
            "status",
            "format_name",
            "sha256",
            "for_calibration",
            "electrolyte_lot",
        ]


class CompositionFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("spectrum__file__metadata__cell_id")

    class Meta:
        model = Composition
        fields = ["cell_id", "spectrum", "calibration", "in_calibration"]


class SpectrumViewSet(viewsets.ReadOnlyModelViewSet[InfraredSpectrum]):
    """Infrared spectra; POST a file to add a free sample and have it judged."""

    permission = Permission.VIEW
    queryset = InfraredSpectrum.objects.select_related("file__metadata")
    serializer_class = InfraredSpectrumSerializer
    filterset_class = InfraredSpectrumFilter
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": UploadSerializer}, responses={201: CompositionSerializer}
    )
    def create(self, request: Request) -> Response:
        """Add a spectrum; the answer is its composition by the calibration in use."""
        given = UploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        upload = given.validated_data["file"]
        spectrum = services.add_spectrum(upload.name, upload.read(), by=request.user)
        calibration = compositions.calibration_in_use()
        if calibration is None:
            return Response(self.get_serializer(spectrum).data, status=201)
        found = compositions.estimate(spectrum, calibration)
        return Response(CompositionSerializer(found).data, status=201)

    @extend_schema(
        parameters=[
            OpenApiParameter("format", str, enum=["csv", "jdx"], description="Default csv.")
        ],
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
    )
    @action(detail=True)
    def points(self, request: Request, pk: str | None = None) -> HttpResponse:
        """Wavenumber (1/cm, ascending) and absorbance."""
        spectrum = self.get_object()
        encoding = request.query_params.get("format", "csv")
        if encoding not in ("csv", "jdx"):
            raise LabError(f"There is no format {encoding!r}.", fix="Choose csv or jdx.")
        content = services.as_csv(spectrum) if encoding == "csv" else services.as_jcamp(spectrum)
        kind = "text/csv; charset=utf-8" if encoding == "csv" else "chemical/x-jcamp-dx"
        response = HttpResponse(content, content_type=kind)
        response["Content-Disposition"] = f'attachment; filename="spectrum-{pk}.{encoding}"'
        return response


class CompositionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Composition]
):
    """Mass ratios with intervals, and whether the spectrum is within its calibration."""

    permission = Permission.VIEW
    queryset = Composition.objects.select_related("spectrum__file__metadata", "calibration")
    serializer_class = CompositionSerializer
    filterset_class = CompositionFilter
