"""REST resources of jobs: what a 202 points to, until it has succeeded or failed."""

from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from battery_db.lib.pagination import IdCursorPagination
from battery_db.lib.permissions import Permission
from battery_db.lib.runs import services
from battery_db.lib.runs.models import Job, JobLogLine

LINES_AT_ONCE = 1000


class JobSerializer(serializers.ModelSerializer[Job]):
    requested_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    percent = serializers.IntegerField(read_only=True, allow_null=True)
    is_active = serializers.BooleanField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "title",
            "state",
            "is_active",
            "trigger",
            "requested_by",
            "parent",
            "params",
            "attempt",
            "cancel_requested",
            "progress_done",
            "progress_total",
            "progress_text",
            "percent",
            "result",
            "result_url",
            "error",
            "fix",
            "created_at",
            "started_at",
            "finished_at",
            "url",
        ]
        read_only_fields = fields


class JobLogLineSerializer(serializers.ModelSerializer[JobLogLine]):
    class Meta:
        model = JobLogLine
        fields = ["id", "at", "level", "text"]
        read_only_fields = fields


class JobFilterSet(django_filters.FilterSet):
    top_level = django_filters.BooleanFilter(
        field_name="parent", lookup_expr="isnull", label="Without the parts of other jobs"
    )

    class Meta:
        model = Job
        fields = ["state", "kind", "trigger", "parent"]


class NewestFirst(IdCursorPagination):
    ordering = "-created_at"


class JobViewSet(viewsets.ReadOnlyModelViewSet[Job]):
    """Long work: how far it is, what came of it, and why it failed."""

    permission = Permission.VIEW
    queryset = Job.objects.select_related("requested_by")
    serializer_class = JobSerializer
    filterset_class = JobFilterSet
    pagination_class = NewestFirst
    lookup_value_regex = "[0-9a-f-]{36}"

    @extend_schema(request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask the job and its parts to stop; 409 when it has ended."""
        job = self.get_object()
        services.cancel(job)
        job.refresh_from_db()
        return Response(self.get_serializer(job).data, status=202)

    @extend_schema(request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Start a failed or cancelled job anew: 202 with the new job, and its Location."""
        again = services.retry(self.get_object(), by=request.user, trigger=Job.Trigger.API)
        location = f"/api/v1/jobs/{again.pk}/"
        return Response(self.get_serializer(again).data, status=202, headers={"Location": location})

    @extend_schema(
        parameters=[OpenApiParameter("after", int, description="Lines with a larger id only.")],
        responses=JobLogLineSerializer(many=True),
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def log(self, request: Request, pk: str) -> Response:
        """The job's log in order, up to 1000 lines; ask on with ``after``."""
        after = serializers.IntegerField(min_value=0).run_validation(
            request.query_params.get("after", "0")
        )
        lines = self.get_object().log_lines.filter(pk__gt=after)[:LINES_AT_ONCE]
        return Response(JobLogLineSerializer(lines, many=True).data)


def register(router: BaseRouter) -> None:
    """Add the resources of this module to ``/api/v1/``."""
    router.register("jobs", JobViewSet, basename="job")
