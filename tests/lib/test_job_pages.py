"""The pages and REST resources of jobs."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine, health
from battery_db.lib.runs.models import Job, JobLogLine
from battery_db.lib.runs.registry import Done, JobRequest, Wait
from tests.lib.kinds import kind

pytestmark = pytest.mark.django_db


@pytest.fixture
def note():
    with kind("tests.note", lambda context: Done({"notes": 3}, url="/")):
        yield "tests.note"


@pytest.fixture
def failing():
    def body(context):
        context.log("Looked everywhere.")
        raise LabError("The folder is gone.", fix="Mount it again.")

    with kind("tests.failing", body):
        yield "tests.failing"


def enqueue(name, **values):
    return engine.enqueue(name, trigger=Job.Trigger.PAGE, **values)


def test_the_list_asks_the_same_few_questions_however_many_jobs_there_are(
    note, people, client_as, django_assert_max_num_queries
):
    for number in range(60):
        enqueue(note, title=f"Note {number}", by=people["member"])
    client = client_as("viewer")

    with django_assert_max_num_queries(9):
        page = client.get(reverse("runs:jobs"))

    assert b"Note 59" in page.content
    assert b"Note 3<" not in page.content  # on the next page


def test_the_list_shows_whole_jobs_and_filters_by_state_kind_and_trigger(note, failing, client_as):
    enqueue(note, title="Good one")
    engine.drain()
    enqueue(failing, title="Bad one")
    engine.drain()
    engine.enqueue(note, title="Waiting one", trigger=Job.Trigger.NIGHT)
    client = client_as("viewer")

    def titles(**query):
        text = client.get(reverse("runs:jobs"), query).content.decode()
        return {title for title in ("Good one", "Bad one", "Waiting one") if title in text}

    assert titles() == {"Good one", "Bad one", "Waiting one"}
    assert titles(state="failed") == {"Bad one"}
    assert titles(state="active") == {"Waiting one"}
    assert titles(kind=failing) == {"Bad one"}
    assert titles(trigger="night") == {"Waiting one"}


def test_a_page_of_an_active_job_asks_again_and_one_of_an_ended_job_does_not(note, client_as):
    job = enqueue(note)
    client = client_as("viewer")

    before = client.get(job.get_absolute_url(), headers={"HX-Request": "true"}).content
    engine.drain()
    after = client.get(job.get_absolute_url(), headers={"HX-Request": "true"}).content

    assert b'hx-trigger="every 2s"' in before
    assert b"hx-trigger" not in after
    assert b"Open the result" in after
    assert b"<html" not in after


def test_a_failed_job_says_what_happened_and_what_to_do(failing, client_as):
    job = enqueue(failing)
    engine.drain()

    text = client_as("viewer").get(job.get_absolute_url()).content.decode()

    assert "The folder is gone." in text
    assert "Mount it again." in text
    assert "Looked everywhere." in text
    assert "Start again" not in text  # a viewer may not


def test_the_page_of_a_whole_shows_its_parts_failed_ones_first(note, failing, client_as):
    def body(context):
        if context.memory:
            return Done()
        return Wait(
            [JobRequest(note, title="Part A"), JobRequest(failing, title="Part B")], {"x": 1}
        )

    with kind("tests.whole", body):
        job = enqueue("tests.whole")
        engine.drain()
    page = client_as("viewer").get(job.get_absolute_url())
    text = page.content.decode()

    assert text.index("Part B") < text.index("Part A")
    assert sorted(number for _, number in page.context["part_counts"]) == [1, 1]
    assert "Part A" not in client_as("viewer").get(reverse("runs:jobs")).content.decode()


def test_a_member_cancels_a_job_and_starts_a_failed_one_again(note, failing, client_as):
    client = client_as("member")
    queued, failed = enqueue(note), enqueue(failing, params={"number": 7}, title="Count")
    engine.run_job(failed.pk)

    client.post(reverse("runs:cancel", args=[queued.pk]))
    answer = client.post(reverse("runs:retry", args=[failed.pk]))

    queued.refresh_from_db()
    again = Job.objects.get(state=Job.State.QUEUED)
    assert queued.state == Job.State.CANCELLED
    assert answer.url == again.get_absolute_url()
    assert (again.kind, again.params, again.title) == (failing, {"number": 7}, "Count")
    assert again.requested_by.username == "member"


@pytest.mark.parametrize("name", ["runs:cancel", "runs:retry"])
def test_a_viewer_changes_nothing_and_a_link_changes_nothing(name, note, client_as):
    job = enqueue(note)
    url = reverse(name, args=[job.pk])

    assert client_as("viewer").post(url).status_code == 403
    assert client_as("member").get(url).status_code == 405
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def test_a_job_that_has_ended_is_neither_cancelled_nor_started_again(note, client_as):
    job = enqueue(note)
    engine.drain()
    client = client_as("member")

    for name in ("runs:cancel", "runs:retry"):
        page = client.post(reverse(name, args=[job.pk]), follow=True)
        assert b"succeeded" in page.content
    assert Job.objects.count() == 1


def test_the_widget_counts_active_jobs_with_few_queries(
    note, client_as, django_assert_max_num_queries
):
    for number in range(7):
        enqueue(note, title=f"Note {number}")
    client = client_as("viewer")

    with django_assert_max_num_queries(6):  # session, account and permissions take four
        text = client.get(reverse("runs:widget")).content.decode()

    assert "7 active jobs" in text
    assert "Note 6" in text
    assert "Note 1<" not in text


def test_rest_lists_jobs_newest_first_and_filters_them(note, failing, client_as):
    first, second = enqueue(note), enqueue(failing)
    engine.drain()
    client = client_as("viewer")

    every = client.get("/api/v1/jobs/").json()["results"]
    failed = client.get("/api/v1/jobs/", {"state": "failed"}).json()["results"]

    assert [job["id"] for job in every] == [str(second.pk), str(first.pk)]
    assert [(job["error"], job["fix"]) for job in failed] == [
        ("The folder is gone.", "Mount it again.")
    ]


def test_rest_gives_a_log_piece_by_piece(note, client_as):
    job = enqueue(note)
    lines = [JobLogLine.objects.create(job=job, text=f"Line {number}") for number in range(3)]
    client = client_as("viewer")
    url = f"/api/v1/jobs/{job.pk}/log/"

    assert [line["text"] for line in client.get(url).json()] == ["Line 0", "Line 1", "Line 2"]
    rest = client.get(url, {"after": lines[1].pk}).json()
    assert [line["text"] for line in rest] == ["Line 2"]
    assert client.get(url, {"after": "x"}).status_code == 400


def test_rest_cancels_and_retries_for_members_only(note, client_as):
    job = enqueue(note)
    url = f"/api/v1/jobs/{job.pk}"

    assert client_as("viewer").post(f"{url}/cancel/").status_code == 403
    cancelled = client_as("member").post(f"{url}/cancel/")
    again = client_as("member").post(f"{url}/retry/")
    conflict = client_as("member").post(f"{url}/cancel/")

    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert again.headers["Location"] == f"/api/v1/jobs/{again.json()['id']}/"
    assert conflict.status_code == 409
    assert conflict.json()["fix"]


def test_the_list_says_when_nothing_looks_after_the_jobs(note, client_as, monkeypatch):
    job = enqueue(note)
    client = client_as("viewer")
    monkeypatch.setattr(health, "last_sweep", lambda: None)
    warning = b"Nothing has looked after these jobs"

    fresh = client.get(reverse("runs:jobs")).content
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=1))
    stalled = client.get(reverse("runs:jobs")).content

    assert warning not in fresh
    assert warning in stalled
