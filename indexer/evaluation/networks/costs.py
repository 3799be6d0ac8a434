"""What a network costs on this machine: measured in a process of its own, so that no other one's memory counts."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from app.core.child_process import child_environment, module_command
from app.core.embedder import open_embedder
from app.core.errors import VerificationFailed
from app.core.images import ImageLimits, prepare_image
from app.core.networks.fingerprint import Fingerprint
from app.core.probes import probe_images
from app.core.settings import Settings

_TIMES: Final = 3
_KIB: Final = 1024
_SETTINGS: Final = {"data_dir", "runtime", "threads", "weights_dir", "vgg16_weights", "vgg19_weights"}


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What one network costs; `joined` says what several do.

    Attributes:
        ms: Milliseconds that a picture takes in a full batch, decoding apart.
        memory_bytes: By how much the network makes a process larger.
        dimension: Values in an embedding.
    """

    ms: float
    memory_bytes: int
    dimension: int

    @property
    def bytes_a_picture(self) -> int:
        """What a picture takes on the disk, for each snapshot: the embedding as float16."""
        return 2 * self.dimension

    def index_bytes(self, pictures: int) -> int:
        """What an index of so many pictures takes in memory: the embeddings as float32."""
        return 4 * self.dimension * pictures

    @classmethod
    def joined(cls, costs: "list[Cost]") -> "Cost":
        """Return what networks cost together: each picture goes through all of them."""
        return cls(
            sum(cost.ms for cost in costs),
            sum(cost.memory_bytes for cost in costs),
            sum(cost.dimension for cost in costs),
        )


def measure_cost(settings: Settings, network: str) -> tuple[Cost, Fingerprint]:
    """
    Return what a network costs, and the fingerprint of its embeddings.

    Raises:
        VerificationFailed: The process that measures did not end well.
    """
    asked = {"settings": settings.model_dump(mode="json", include=_SETTINGS), "network": network}
    done = subprocess.run(
        module_command("indexer.evaluation.networks.costs"),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=child_environment(),
        check=False,
    )
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise VerificationFailed(f"What {network} costs could not be measured: {why}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Cost(**found["cost"]), Fingerprint.from_json(found["fingerprint"])


def _measured(settings: Settings, network: str) -> tuple[Cost, Fingerprint]:
    open_embedder(settings, "efficientnet_lite0")  # the libraries that every network needs are loaded
    before_bytes = _resident_bytes()
    embedder = open_embedder(settings, network)
    limits = ImageLimits.from_settings(settings)
    image = prepare_image(probe_images()[0], embedder.preprocessings, limits)
    taken_s = []
    for _ in range(_TIMES):
        began_s = time.perf_counter()
        embedder.embed([image] * embedder.best_batch_size)
        taken_s.append(time.perf_counter() - began_s)
    memory_bytes = max(0, _resident_bytes() - before_bytes)
    return Cost(1000 * min(taken_s) / embedder.best_batch_size, memory_bytes, embedder.dimension), embedder.fingerprint


def _resident_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    return 0


def _main() -> None:
    """Answer one question from standard input on standard output."""
    asked = json.load(sys.stdin)
    cost, fingerprint = _measured(Settings(**asked["settings"]), asked["network"])
    sys.stdout.write(json.dumps({"cost": asdict(cost), "fingerprint": fingerprint.to_json()}) + "\n")


if __name__ == "__main__":
    _main()
