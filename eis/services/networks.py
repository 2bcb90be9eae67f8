"""Networks that guess where fits start: versions, and which of them is in use."""

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from battery_db.lib.errors import LabError
from battery_db.lib.storage import storage
from eis.models import GuessNetwork
from eis.network_guess import INPUTS, SHIPPED


def networks() -> list[GuessNetwork]:
    """All versions, newest first."""
    return list(GuessNetwork.objects.select_related("trained_by", "chosen_by")[:200])


@lru_cache(maxsize=1)
def shipped_version() -> str:
    """What fits remember of the network that is shipped."""
    return f"shipped ({hashlib.sha256(SHIPPED.read_bytes()).hexdigest()[:12]})"


def keep_network(
    content: bytes, *, story: dict[str, Any], quality: dict[str, Any], by: Any = None
) -> GuessNetwork:
    """Store trained weights as the next version; it is not in use before somebody chooses it."""
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"impedance/{sha256[:2]}/{sha256}.onnx"
    storage("weights").save(name, ContentFile(content))
    with transaction.atomic():
        highest = GuessNetwork.objects.select_for_update().aggregate(n=Max("number"))["n"] or 0
        return GuessNetwork.objects.create(
            number=highest + 1,
            weights_name=name,
            sha256=sha256,
            size_bytes=len(content),
            story=story,
            quality=quality,
            trained_by=by,
        )


def choose_network(number: int | None, *, by: Any = None) -> GuessNetwork | None:
    """Start fits with this version from now on; None is the one that is shipped.

    Fits made before stay, and remember what they started from.
    """
    with transaction.atomic():
        rows = list(GuessNetwork.objects.select_for_update().order_by("pk"))
        chosen = next((row for row in rows if row.number == number), None)
        if number is not None and chosen is None:
            raise LabError(f"There is no network {number}.", fix="Choose one of the list.")
        if chosen is not None and chosen.story.get("inputs") != INPUTS:
            raise LabError(
                f"{chosen} was trained on inputs {chosen.story.get('inputs')}, and this version "
                f"of battery_db gives {INPUTS}.",
                fix="Train a new one.",
            )
        GuessNetwork.objects.filter(is_in_use=True).update(is_in_use=False)
        if chosen is not None:
            chosen.is_in_use, chosen.chosen_by, chosen.chosen_at = True, by, timezone.now()
            chosen.save(update_fields=["is_in_use", "chosen_by", "chosen_at"])
    return chosen


def local_weights(network: GuessNetwork) -> Path:
    """The weights as a local file; from an object storage they are fetched once."""
    try:
        return Path(storage("weights").path(network.weights_name))
    except NotImplementedError:
        target = Path(settings.DATA_DIR) / "cache" / network.weights_name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            storage("weights").open(network.weights_name, "rb") as source,
            tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as draft,
        ):
            draft.write(source.read())
        os.replace(draft.name, target)  # noqa: PTH105 - one step, also beside another worker
    return target
