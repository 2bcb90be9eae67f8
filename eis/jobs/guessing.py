"""Where fits start: with the network that the lab chose, or the one that is shipped."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from eis.fitting import FitOptions, default_guesses
from eis.models import GuessNetwork
from eis.network_guess import NetworkGuess, header
from eis.services.networks import local_weights, shipped_version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guessing:
    """Options of a fit, and the version of the network that fits remember."""

    options: FitOptions
    version: str


def guessing_in_use(warn: Callable[[str, str], None]) -> Guessing:
    """The network in use; where its weights can not be read, the shipped one and a warning."""
    network = GuessNetwork.objects.filter(is_in_use=True).first()
    if network is None:
        return Guessing(FitOptions(), shipped_version())
    try:
        path = local_weights(network)
        header(path)
    except Exception as error:  # ONNX Runtime has exceptions of its own for damaged files
        log.exception("The weights of %s can not be used.", network)
        warn(f"{network} can not be used ({error}); the shipped one is.", "warning")
        return Guessing(FitOptions(), shipped_version())
    guesses = [
        replace(guess, path=path, name=str(network)) if isinstance(guess, NetworkGuess) else guess
        for guess in default_guesses()
    ]
    return Guessing(FitOptions(guesses=guesses), f"{network} ({network.sha256[:12]})")
