"""Train the network that guesses where impedance fits start."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from battery_db.lib.commands import LabCommand


class Command(LabCommand):
    help = (
        "Train the impedance network on generated spectra and write it as ONNX. The same "
        "options give the same weights on the same machine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        from eis.network_guess import SHIPPED

        parser.add_argument("--to", type=Path, default=SHIPPED, help="File to write.")
        parser.add_argument(
            "--architecture", default="convolutional", choices=["convolutional", "transformer"]
        )
        parser.add_argument("--steps", type=int, default=11_000, help="Batches to train on.")
        parser.add_argument("--batch", type=int, default=256, help="Spectra per batch.")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--threads", type=int, default=1, help="More need not be faster.")

    def run(self, **options: Any) -> dict[str, Any]:
        import torch

        from ml.impedance_training import TrainingOptions, train, write_network

        torch.set_num_threads(options["threads"])
        started, used = time.monotonic(), time.process_time()
        training = TrainingOptions(
            architecture=options["architecture"],
            steps=options["steps"],
            batch=options["batch"],
            seed=options["seed"],
            progress=None if options["json"] else self._progress,
            keep=lambda network: write_network(network, training, options["to"]),
        )
        losses: list[float] = []
        network = train(training, losses=losses)
        write_network(network, training, options["to"])
        return {
            "file": str(options["to"]),
            "steps": training.steps,
            "seconds": round(time.monotonic() - started),
            "cpu_seconds": round(time.process_time() - used),
            "loss": round(losses[-1], 4),
        }

    def _progress(self, done: int, total: int, loss: float) -> None:
        if done % 100 == 0 or done == total:
            self.stdout.write(f"{done} of {total}: loss {loss:.3f}")
