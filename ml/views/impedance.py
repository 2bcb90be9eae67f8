"""The network that guesses where impedance fits start: train it, choose a version."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.palette import COLOURS
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from eis.models import CircuitFit, GuessNetwork
from eis.services import networks
from ml.forms import TrainingForm
from ml.services import impedance as services


@requires(Permission.VIEW, POST=Permission.CURATE)
def impedance(request: HttpRequest) -> HttpResponse:
    """Versions with the quality of their guesses; POST trains another one, as a job."""
    form = TrainingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            job = services.request_training(
                **form.cleaned_data, by=request.user, trigger=Job.Trigger.PAGE
            )
        except LabError as error:
            messages.error(request, str(error))
        else:
            return redirect(job)
    rows = networks.networks()
    context = {
        "form": form,
        "networks": rows,
        "in_use": next((row for row in rows if row.is_in_use), None),
        "shipped": services.shipped_story(),
        "shipped_version": networks.shipped_version(),
        "own": services.own_spectra().count(),
        "job": services.training_now(),
        "fits": CircuitFit.objects.filter(is_chosen=True).count(),
    }
    return render(request, "ml/impedance.html", context)


@require_POST
@requires(Permission.ADMINISTER)
def choose(request: HttpRequest) -> HttpResponse:
    """Start fits with a version from now on; without ``number`` with the shipped one."""
    sent = request.POST.get("number", "")
    try:
        chosen = networks.choose_network(int(sent) if sent.isdecimal() else None, by=request.user)
    except LabError as error:
        messages.error(request, str(error))
    else:
        name = str(chosen) if chosen else "the shipped network"
        messages.success(request, f"New fits start from {name}. Fits made before stay.")
    return redirect("ml:impedance")


@requires(Permission.VIEW)
def losses(request: HttpRequest, number: int) -> JsonResponse:
    """The loss of a training against its steps."""
    row = get_object_or_404(GuessNetwork, number=number)
    points = row.story.get("losses", [])
    if not points:
        return JsonResponse({"empty": "No loss was kept of this training."})
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "loss",
        "x": [step for step, _ in points],
        "y": [loss for _, loss in points],
        "line": {"width": 2, "color": COLOURS[0]},
        "hovertemplate": "step %{x}<br>loss %{y:.3f}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "Step"}},
        "yaxis": {"title": {"text": "Loss: ln of the scaled error, with penalties"}},
        "showlegend": False,
    }
    return JsonResponse({"data": [trace], "layout": layout})
