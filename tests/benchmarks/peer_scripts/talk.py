"""
The recipe of the talk: plain torch float32 VGG16 up to fc7, one picture after the other, a numpy dot product.

    python talk.py FOLDER_OF_PHOTOS WEIGHTS MOST_PHOTOS      prints seconds as JSON
"""

import json
import statistics
import sys
import time
from pathlib import Path

import declared  # noqa: F401  # before torchvision
import numpy as np
import torch
from PIL import Image
from torchvision.models import VGG16_Weights, vgg16

K = 10
SEARCHES = 20


def main(folder: str, weights: str, most: str) -> None:
    """Embed the photos, search with some of them, print."""
    photos = sorted(path for path in Path(folder).glob("*/*") if path.is_file())
    photos = photos[:: max(1, len(photos) // int(most))][: int(most)]
    network = vgg16()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.classifier = network.classifier[:5]
    network.eval()
    transforms = VGG16_Weights.IMAGENET1K_V1.transforms()

    def embed(photo: Path) -> np.ndarray:
        with torch.no_grad():
            pixels = transforms(Image.open(photo).convert("RGB"))
            activation: np.ndarray = network(pixels.unsqueeze(0)).numpy()[0]
        unit: np.ndarray = activation / np.linalg.norm(activation)
        return unit

    embed(photos[0])
    began_s = time.perf_counter()
    index = np.stack([embed(photo) for photo in photos])
    index_s = time.perf_counter() - began_s
    searches_s = []
    for photo in photos[:SEARCHES]:
        began_s = time.perf_counter()
        np.argsort(-(index @ embed(photo)))[:K]
        searches_s.append(time.perf_counter() - began_s)
    print(json.dumps({"images": len(photos), "index_s": index_s, "search_s": statistics.median(searches_s)}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
