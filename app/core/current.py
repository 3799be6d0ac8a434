"""The file `CURRENT`: which snapshot is live, which ones were before, and since when."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from app.core.errors import SnapshotCorrupt

CURRENT_FILE: Final = "CURRENT"
_ADVICE: Final = "Choose one of `lookalike snapshots list` with `lookalike snapshots publish`."


class Publication(BaseModel):
    """That a snapshot became live, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    manifest_sha256: str
    published_at: AwareDatetime


class Current(Publication):
    """
    What `CURRENT` says: the live snapshot, and others that are on the disk, newest publication first.

    Attributes:
        history: Live before this one: what can be rolled back to.
        withdrawn: Rolled back from, or passed over as damaged; only what is known about them is kept.
    """

    history: tuple[Publication, ...] = ()
    withdrawn: tuple[Publication, ...] = ()

    @property
    def live(self) -> Publication:
        """The live one by itself."""
        return Publication(id=self.id, manifest_sha256=self.manifest_sha256, published_at=self.published_at)

    @property
    def known(self) -> dict[str, Publication]:
        """By id, when each snapshot was last made live."""
        return {publication.id: publication for publication in (self.live, *self.history, *self.withdrawn)}

    def to_bytes(self) -> bytes:
        """Return the content of `CURRENT`, with a hash over the rest of it."""
        return _sealed(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Current":
        """Read the content of `CURRENT`; whatever differs from what `to_bytes` wrote is a ValueError or KeyError."""
        content = json.loads(data)
        del content["sha256"]
        if _sealed(content) != data:
            raise ValueError("its hash does not fit")
        return cls.model_validate(content)


def read_current(folder: Path) -> Current | None:
    """
    Return what `CURRENT` in this folder says, None when there is no such file.

    Raises:
        SnapshotCorrupt: It cannot be read or was changed.
    """
    try:
        return Current.from_bytes((folder / CURRENT_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SnapshotCorrupt(
            f"The file CURRENT, which names the live snapshot, cannot be read ({error.strerror}). {_ADVICE}"
        ) from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise SnapshotCorrupt(f"The file CURRENT, which names the live snapshot, is damaged. {_ADVICE}") from error


def _sealed(content: dict[str, Any]) -> bytes:
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest}, indent=2).encode() + b"\n"
