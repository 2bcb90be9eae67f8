"""REST resources of cycling."""

from rest_framework.routers import BaseRouter

from cycling.api import curation, datasets, tests


def register(router: BaseRouter) -> None:
    """Add the resources of cycling to ``/api/v1/``."""
    router.register("cycling/tests", tests.CyclingTestViewSet, basename="cycling-test")
    router.register("cycling/half-cycles", tests.HalfCycleViewSet, basename="half-cycle")
    router.register("cycling/groups", tests.CycleGroupViewSet, basename="cycle-group")
    router.register("cycling/cells", tests.CellStateViewSet, basename="cell-state")
    router.register(
        "cycling/curation-changes", curation.CurationChangeViewSet, basename="curation-change"
    )
    router.register("cycling/problems", curation.ProblemViewSet, basename="problem")
    router.register("exports", datasets.ExportViewSet, basename="export")
    router.register("snapshots", datasets.SnapshotViewSet, basename="snapshot")
    router.register(
        r"datasets/(?P<slug>[-\w]+)/snapshots",
        datasets.DatasetSnapshotViewSet,
        basename="dataset-snapshot",
    )
    router.register(
        r"datasets/(?P<slug>[-\w]+)/exports",
        datasets.DatasetExportViewSet,
        basename="dataset-export",
    )
