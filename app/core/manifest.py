"""What a snapshot says about itself: `manifest.json`."""

import json
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.core.errors import SnapshotCorrupt, SnapshotIncompatible
from app.core.verdict import Calibration

FORMAT_VERSION: Final = 3
"""1 had no products: what it showed came from the database, whatever that had become since. 2 had only flat indexes."""
READABLE: Final = frozenset({2, FORMAT_VERSION})
INDEX_FILE: Final = "index.faiss"
VECTORS_FILE: Final = "vectors.npy"
IMAGE_IDS_FILE: Final = "image_ids.npy"
PROBES_FILE: Final = "probes.npy"
PRODUCTS_FILE: Final = "products.jsonl"
ROW_PRODUCTS_FILE: Final = "row_products.npy"
MANIFEST_FILE: Final = "manifest.json"
DATA_FILES: Final = frozenset({INDEX_FILE, VECTORS_FILE, IMAGE_IDS_FILE, PROBES_FILE, PRODUCTS_FILE, ROW_PRODUCTS_FILE})

ADVICE: Final = "Serve another one with `lookalike snapshots rollback` or `publish`, or index again."


class FileFacts(BaseModel):
    """Size and hash of one file of a snapshot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_bytes: int
    sha256: str


class SnapshotFacts(BaseModel):
    """What the indexer knows about a snapshot and its files do not show."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    network: str
    runtime: str
    fingerprint: dict[str, JsonValue]
    fingerprint_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    watermark: int = Field(ge=0, description="Revision of the catalogue that the snapshot shows.")


class IndexEffort(BaseModel):
    """How hard a search of a compressed index tries; see `app.core.compressed_index`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nprobe: int = Field(gt=0)
    candidates: int = Field(gt=0)
    filtered_candidates: int = Field(gt=0)


class Manifest(SnapshotFacts):
    """A whole manifest."""

    format_version: Literal[2, 3] = FORMAT_VERSION
    created_at: AwareDatetime
    dimension: int = Field(gt=0)
    products: int = Field(gt=0)
    images: int = Field(gt=0)
    metrics: dict[str, float] = Field({}, description="What verification measured: recall_at_10 and others.")
    calibration: Calibration | None = Field(None, description="What its scores mean; older snapshots do not know.")
    compressed: IndexEffort | None = Field(None, description="Of a compressed index; None: it is flat.")
    versions: dict[str, str] = Field(description="Libraries that the snapshot was made with.")
    files: dict[str, FileFacts]

    def to_bytes(self) -> bytes:
        """Return the content of `manifest.json`."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, snapshot_id: str) -> "Manifest":
        """
        Read the content of a `manifest.json`.

        Raises:
            SnapshotIncompatible: Another version of Lookalike wrote it.
            SnapshotCorrupt: It is no manifest.
        """
        try:
            version = json.loads(data)["format_version"]
            if isinstance(version, int) and version not in READABLE:
                raise SnapshotIncompatible(
                    f"Snapshot {snapshot_id} has format {version}, this Lookalike reads format {FORMAT_VERSION} and "
                    "the one before. Use the Lookalike that wrote it, or make a new one with `lookalike reindex`."
                )
            manifest = cls.model_validate_json(data)
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            raise SnapshotCorrupt(f"Snapshot {snapshot_id}: its manifest cannot be understood. {ADVICE}") from error
        if manifest.files.keys() != DATA_FILES:
            raise SnapshotCorrupt(f"Snapshot {snapshot_id}: its manifest does not list the files it should. {ADVICE}")
        return manifest
