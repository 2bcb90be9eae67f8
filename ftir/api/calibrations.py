"""Calibrations as REST resources."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from battery_db.lib.permissions import Permission
from battery_db.lib.runs.models import Job
from ftir.models import Calibration, CalibrationSample
from ftir.services import calibrations as services


class CalibrationSampleSerializer(serializers.ModelSerializer[CalibrationSample]):
    class Meta:
        model = CalibrationSample
        fields = ["id", "spectrum", "mass_ratio"]


class CalibrationSerializer(serializers.ModelSerializer[Calibration]):
    components = serializers.ListField(
        source="component_names", child=serializers.CharField(), read_only=True
    )

    class Meta:
        model = Calibration
        exclude = ["archive_name", "report_name", "created_by"]


class CalibrationViewSet(viewsets.ReadOnlyModelViewSet[Calibration]):
    """Calibrations with the report of their errors; ``samples`` lists what they are made of."""

    permission = Permission.VIEW
    queryset = Calibration.objects.prefetch_related("parts__molecule")
    serializer_class = CalibrationSerializer
    filterset_fields = ["name", "state", "in_use", "kind"]

    @extend_schema(responses=CalibrationSampleSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def samples(self, request: Request, pk: str | None = None) -> Response:
        """Spectra and known mass ratios (at most 2000), in the order of ``components``."""
        rows = self.get_object().samples.all()[: services.MOST_SAMPLES]
        return Response(CalibrationSampleSerializer(rows, many=True).data)

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"])
    def fit(self, request: Request, pk: str | None = None) -> Response:
        """Fit a draft, as a job."""
        job = services.request_fit(
            self.get_object(), use=False, by=request.user, trigger=Job.Trigger.API
        )
        location = f"/api/v1/jobs/{job.pk}/"
        return Response(
            {"job": str(job.pk), "url": location}, status=202, headers={"Location": location}
        )
