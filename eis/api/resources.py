"""Spectra, their points, fits and decisions as REST resources."""

from dataclasses import asdict
from typing import Any

import django_filters
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission
from battery_db.lib.runs.models import Job
from eis.arcs import Arc
from eis.models import CircuitFit, ImpedanceFile, ImpedanceSpectrum
from eis.services import figures, fits
from eis.services import spectra as services
from eis.services.circuits import FAMILIES

MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}


class ImpedanceFileSerializer(serializers.ModelSerializer[ImpedanceFile]):
    file_name = serializers.CharField(source="file.name", read_only=True)
    cell_id = serializers.IntegerField(source="file.metadata.cell_id", read_only=True)

    class Meta:
        model = ImpedanceFile
        exclude = ["series_name"]


class SpectrumSerializer(serializers.ModelSerializer[ImpedanceSpectrum]):
    file = serializers.IntegerField(source="source.file_id", read_only=True)
    cell_id = serializers.IntegerField(source="source.file.metadata.cell_id", read_only=True)
    cycle = serializers.IntegerField(read_only=True, help_text="Cycle of the cell's life.")
    fit_id = serializers.IntegerField(read_only=True, help_text="The fit in use.")
    fit_status = serializers.CharField(read_only=True)
    scaled_error = serializers.FloatField(read_only=True)

    class Meta:
        model = ImpedanceSpectrum
        exclude = ["source"]


class MaskedSpectrumSerializer(SpectrumSerializer):
    job = serializers.UUIDField(read_only=True, help_text="The job that fits what is left.")


class ArcSerializer(serializers.Serializer[Arc]):
    name = serializers.CharField()
    resistance_ohm = serializers.FloatField()
    frequency_hz = serializers.FloatField()
    exponent = serializers.FloatField()
    time_constant_s = serializers.FloatField()
    capacitance_f = serializers.FloatField(help_text="Time constant over resistance.")


class CircuitFitSerializer(serializers.ModelSerializer[CircuitFit]):
    cell_id = serializers.IntegerField(
        source="spectrum.source.file.metadata.cell_id", read_only=True
    )
    arcs = serializers.SerializerMethodField()

    class Meta:
        model = CircuitFit
        exclude = ["fingerprint"]

    @extend_schema_field(ArcSerializer(many=True))
    def get_arcs(self, fit: CircuitFit) -> list[dict[str, Any]]:
        return [asdict(arc) for arc in fits.arcs_of(fit)]


class EquivalentParameterSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    unit = serializers.CharField()
    value = serializers.FloatField()


class EquivalentSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    circuit = serializers.CharField(help_text="Empty where the numbers do not let it be.")
    limit = serializers.CharField(help_text="Why they do not.")
    parameters = EquivalentParameterSerializer(many=True)


class MaskSerializer(serializers.Serializer[ImpedanceSpectrum]):
    points = serializers.ListField(
        child=serializers.IntegerField(min_value=0),
        help_text="Places in the spectrum's points, from 0.",
    )
    restore = serializers.BooleanField(default=False, help_text="Take them back in.")
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class ReviewSerializer(serializers.Serializer[ImpedanceSpectrum]):
    verdict = serializers.ChoiceField(ImpedanceSpectrum.Review.choices)
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class FitRequestSerializer(serializers.Serializer[ImpedanceSpectrum]):
    circuit = serializers.CharField(
        max_length=300,
        allow_blank=True,
        default="",
        help_text="A name or R0-p(R1,CPE1)-Wo1; kept for the spectrum. Empty: the lab's.",
    )


class BatchFitSerializer(serializers.Serializer[ImpedanceSpectrum]):
    spectra = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=10_000)
    circuit = serializers.CharField(max_length=300, allow_blank=True, default="")


class ComparisonSerializer(serializers.Serializer[ImpedanceSpectrum]):
    spectra = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=1000)
    family = serializers.ChoiceField(list(FAMILIES.items()), default="arcs")
    use = serializers.BooleanField(
        default=False, help_text="The preferred circuit becomes that of the spectrum."
    )


class ImpedanceFileFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("file__metadata__cell_id")

    class Meta:
        model = ImpedanceFile
        fields = ["status", "cell_id", "format_name", "sha256", "file"]


class SpectrumFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("source__file__metadata__cell_id")
    file = django_filters.NumberFilter("source__file_id")

    class Meta:
        model = ImpedanceSpectrum
        fields = ["cell_id", "file", "review"]


class CircuitFitFilter(django_filters.FilterSet):
    cell_id = django_filters.NumberFilter("spectrum__source__file__metadata__cell_id")

    class Meta:
        model = CircuitFit
        fields = ["cell_id", "spectrum", "circuit", "status", "is_chosen"]


class ImpedanceFileViewSet(viewsets.ReadOnlyModelViewSet[ImpedanceFile]):
    """What was read from each impedance file, or why it was not."""

    permission = Permission.VIEW
    queryset = ImpedanceFile.objects.select_related("file__metadata")
    serializer_class = ImpedanceFileSerializer
    filterset_class = ImpedanceFileFilter


class SpectrumViewSet(viewsets.ReadOnlyModelViewSet[ImpedanceSpectrum]):
    """Measured spectra of the files in use. ``points`` gives frequencies and impedance."""

    permission = Permission.VIEW
    permission_by_method = {"POST": Permission.CURATE}
    queryset = (
        ImpedanceSpectrum.objects.in_use()
        .with_cycle()
        .with_fit()
        .select_related("source__file__metadata")
        .order_by("pk")
    )
    serializer_class = SpectrumSerializer
    filterset_class = SpectrumFilter

    @extend_schema(
        parameters=[
            OpenApiParameter("format", str, enum=list(MEDIA_TYPES), description="Default parquet.")
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True)
    def points(self, request: Request, pk: str | None = None) -> HttpResponse:
        """Frequency in hertz, impedance in ohm as measured, mask, and the fit at each point."""
        spectrum = self.get_object()
        encoding = request.query_params.get("format", "parquet")
        if encoding not in MEDIA_TYPES:
            raise LabError(
                f"There is no format {encoding[:40]!r}.",
                fix=f"Choose one of {', '.join(MEDIA_TYPES)}.",
            )
        content = fits.as_bytes(figures.table_of(spectrum), encoding)
        response = HttpResponse(content, content_type=MEDIA_TYPES[encoding])
        response["Content-Disposition"] = (
            f'attachment; filename="spectrum-{spectrum.pk}.{encoding}"'
        )
        return response

    @extend_schema(request=MaskSerializer, responses=MaskedSpectrumSerializer)
    @action(detail=True, methods=["post"])
    def mask(self, request: Request, pk: str | None = None) -> Response:
        """Leave points out of fits and checks, or take them back in, and fit again, as a job."""
        spectrum = self.get_object()
        sent = self._sent(MaskSerializer, request)
        _, job = services.mask_and_fit(
            spectrum,
            sent["points"],
            reason=sent["reason"],
            restore=sent["restore"],
            by=request.user,
            trigger=Job.Trigger.API,
        )
        told = self.get_serializer(self.get_object()).data
        return Response({**told, "job": str(job.pk)})

    @extend_schema(request=ReviewSerializer, responses=SpectrumSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str | None = None) -> Response:
        """Accept, reject, or open again."""
        spectrum = self.get_object()
        sent = self._sent(ReviewSerializer, request)
        services.review(spectrum, sent["verdict"], reason=sent["reason"], by=request.user)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=FitRequestSerializer, responses={202: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"], permission_by_method={"POST": Permission.EDIT})
    def fit(self, request: Request, pk: str | None = None) -> Response:
        """Fit one spectrum now, as a job, with a circuit that is kept for it."""
        spectrum = self.get_object()
        sent = self._sent(FitRequestSerializer, request)
        services.choose_circuit(spectrum, sent["circuit"], by=request.user)
        return accepted(
            services.request_fit([spectrum.pk], by=request.user, trigger=Job.Trigger.API)
        )

    @staticmethod
    def _sent(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        given = kind(data=request.data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class CircuitFitViewSet(viewsets.ReadOnlyModelViewSet[CircuitFit]):
    """Fits of circuits. POST fits many spectra, as a job."""

    permission = Permission.VIEW
    queryset = CircuitFit.objects.select_related("spectrum__source__file__metadata").order_by("pk")
    serializer_class = CircuitFitSerializer
    filterset_class = CircuitFitFilter

    @extend_schema(request=BatchFitSerializer, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request) -> Response:
        """Fit spectra now, with the circuits chosen for them or with one for all."""
        given = BatchFitSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        sent = given.validated_data
        job = services.request_fit(
            sent["spectra"], by=request.user, trigger=Job.Trigger.API, circuit=sent["circuit"]
        )
        return accepted(job)

    @extend_schema(responses=EquivalentSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def equivalents(self, request: Request, pk: str | None = None) -> Response:
        """Other circuits that give exactly the spectrum of this fit; often none."""
        return Response(
            [
                {
                    "title": form.title,
                    "circuit": str(form.circuit or ""),
                    "limit": form.limit,
                    "parameters": [
                        dict(zip(("name", "unit", "value"), row, strict=True))
                        for row in form.rows()
                    ],
                }
                for form in fits.equivalents_of(self.get_object())
            ]
        )

    @extend_schema(request=ComparisonSerializer, responses={202: OpenApiTypes.OBJECT})
    @action(detail=False, methods=["post"])
    def compare(self, request: Request) -> Response:
        """Fit a family of circuits to each spectrum, as a job, and prefer one."""
        given = ComparisonSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        sent = given.validated_data
        job = services.request_comparison(
            sent["spectra"],
            sent["family"],
            by=request.user,
            trigger=Job.Trigger.API,
            use=sent["use"],
        )
        return accepted(job)


def accepted(job: Job) -> Response:
    """202 with where to ask for the job."""
    location = f"/api/v1/jobs/{job.pk}/"
    return Response(
        {"job": str(job.pk), "url": location}, status=202, headers={"Location": location}
    )
