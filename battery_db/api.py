"""``/api/v1/``: a line per group of resources, and what belongs to no app."""

from pathlib import Path
from typing import Any

from django.http import FileResponse
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import cells.api.datasets
import cells.api.files
import cells.api.nodes
import cells.api.registry
import cells.api.search
import cycling.api
import eis.api
import ftir.api
from battery_db import report
from battery_db.accounts import api as accounts_api
from battery_db.lib.permissions import Permission
from battery_db.lib.runs import api as runs_api
from battery_db.lib.runs.models import Job
from battery_db.schema import Router, schema_urls
from battery_db.tasks import NIGHT

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
cells.api.datasets.register(router)
cycling.api.register(router)
ftir.api.register(router)
eis.api.register(router)
runs_api.register(router)
accounts_api.register(router)

urlpatterns: list[URLPattern | URLResolver] = [
    path("client.py", ClientDownload.as_view(), name="client"),
    *schema_urls,
    path("", include(router.urls)),
]
