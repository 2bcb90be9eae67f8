"""``/api/v1/``: a line per group of resources, and what belongs to no app."""

from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import cells.api.datasets
import cells.api.files
import cells.api.grammar
import cells.api.nodes
import cells.api.registry
import cells.api.search
import cycling.api
import eis.api
import ftir.api
import ml.api
from battery_db import outcomes, report
from battery_db.accounts import api as accounts_api
from battery_db.lib.permissions import Permission
from battery_db.lib.runs import api as runs_api
from battery_db.lib.runs.models import Job
from battery_db.pages import NightFilesForm
from battery_db.schema import Router, schema_urls
from battery_db.tasks import NIGHT

FILES_PER_PAGE = 100
CLIENT = Path(__file__).resolve().parent.parent / "ml" / "client.py"


class NightViewSet(viewsets.GenericViewSet[Job]):
    """What each nightly run brought in, what failed and why."""

    permission = Permission.VIEW
    queryset = Job.objects.filter(kind=NIGHT)

    @extend_schema(operation_id="nights_list", responses=OpenApiTypes.OBJECT)
    def list(self, request: Request) -> Response:
        """The last 14 nights, newest first."""
        rows: list[dict[str, Any]] = [
            {"id": str(job.pk), "state": job.state, "started_at": job.created_at}
            for job in report.nights()
        ]
        return Response({"results": rows, "lab": report.lab_now()})

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(report.report_of(self.get_object()).as_json())

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="Words in the path or the reason."),
            OpenApiParameter("outcome", str, enum=[*outcomes.OUTCOMES]),
            OpenApiParameter("folder", str, description="Name of a folder."),
            OpenApiParameter("new", bool, description="Only what came or was read that night."),
            OpenApiParameter("page", int, description=f"Of {FILES_PER_PAGE} files."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    @action(detail=True)
    def files(self, request: Request, pk: str) -> Response:
        """What became of each file, and why; files imported before and unchanged are counted."""
        job = self.get_object()
        form = NightFilesForm(request.query_params)
        if not form.is_valid():
            raise ValidationError(form.errors.get_json_data())
        paginator = Paginator(outcomes.read(job, form.asked()), FILES_PER_PAGE)
        page = paginator.get_page(request.query_params.get("page"))
        return Response(
            {
                "count": paginator.count,
                "pages": paginator.num_pages,
                "page": page.number,
                "unchanged": job.result["files"]["unchanged"],
                "results": [{name: row[name] for name in outcomes.SCHEMA} for row in page],
            }
        )


class ClientDownload(APIView):
    """The Python client, one file to save beside a script."""

    permission = Permission.VIEW

    @extend_schema(responses={(200, "text/x-python"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> FileResponse:
        return FileResponse(CLIENT.open("rb"), as_attachment=True, filename="battery_db_client.py")


router = Router()
router.register("nights", NightViewSet, basename="night")
cells.api.registry.register(router)
cells.api.search.register(router)
cells.api.nodes.register(router)
cells.api.files.register(router)
cells.api.grammar.register(router)
cells.api.datasets.register(router)
cycling.api.register(router)
ftir.api.register(router)
eis.api.register(router)
ml.api.register(router)
runs_api.register(router)
accounts_api.register(router)

urlpatterns: list[URLPattern | URLResolver] = [
    path("client.py", ClientDownload.as_view(), name="client"),
    *schema_urls,
    path("", include(router.urls)),
]
