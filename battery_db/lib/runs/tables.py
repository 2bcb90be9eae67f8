"""The list of jobs: its columns and its filters."""

from datetime import timedelta

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet

from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import kind_titles


class JobFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        choices=[("active", "Active"), *Job.State.choices],
        method="filter_state",
        label="State",
        empty_label="any",
    )
    kind = django_filters.ChoiceFilter(
        choices=lambda: sorted(kind_titles().items(), key=lambda kind: kind[1]),
        label="Kind",
        empty_label="any",
    )
    trigger = django_filters.ChoiceFilter(
        choices=Job.Trigger.choices, label="Started by", empty_label="any"
    )

    class Meta:
        model = Job
        fields: list[str] = []

    def filter_state(self, jobs: QuerySet[Job], name: str, value: str) -> QuerySet[Job]:
        states = Job.ACTIVE_STATES if value == "active" else (value,)
        return jobs.filter(state__in=states)


class JobTable(tables.Table):
    title = tables.Column(linkify=True, verbose_name="Job", attrs={"td": {"class": "text-break"}})
    state = tables.TemplateColumn(
        '{% include "components/state_badge.html" with state=record.state only %}',
        attrs={"td": {"class": "text-nowrap"}},
    )
    progress = tables.TemplateColumn(
        template_name="runs/_progress.html",
        extra_context={"compact": True},
        orderable=False,
        empty_values=(),
        attrs={"td": {"class": "job-progress-cell"}},
    )
    started_by = tables.Column(empty_values=(), orderable=False)
    created_at = tables.DateTimeColumn(verbose_name="Asked for", format="Y-m-d H:i")
    duration = tables.Column(orderable=False, verbose_name="Took")

    class Meta:
        model = Job
        fields: tuple[str, ...] = ()
        order_by = ("-created_at",)
        empty_text = "No job matches."
        attrs = {"class": "table table-vcenter card-table table-sm", "aria_label": "Jobs"}

    def render_started_by(self, record: Job) -> str:
        return who_asked(record)

    def render_duration(self, value: timedelta) -> str:
        return clock(value)


def clock(duration: timedelta) -> str:
    """``2.4 s``, or ``1:02:03``: hours, minutes and seconds."""
    seconds = duration.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else str(duration).partition(".")[0]


def who_asked(job: Job) -> str:
    if job.requested_by is not None:
        return str(job.requested_by)
    return job.get_trigger_display()
