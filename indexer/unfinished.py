"""
Remembers on the disk that an import was begun, until the catalogue is what its source states.

An import writes the catalogue while it goes. One that was killed, or gave up, leaves a part of what its source states
there, to go on from; nothing else publishes that part unless it is told to.
"""

from pathlib import Path

from app.core.errors import ImportUnfinished
from app.core.files import HashedWriter, fsync_folder, storage_errors


class ImportMark:
    """The mark of an import in a data folder; for whoever holds the lock of its snapshots."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "unfinished-import"

    def begin(self, source: str) -> None:
        """Note that the import of a source is about to change the catalogue."""
        with storage_errors(self._path.parent):
            with HashedWriter(self._path) as file:
                file.write(source.encode(errors="replace"))
            fsync_folder(self._path.parent)

    def end(self) -> None:
        """Note that the catalogue is whole, or is to count as that."""
        with storage_errors(self._path.parent):
            self._path.unlink(missing_ok=True)

    def require_none(self, but: str | None = None) -> None:
        """
        Refuse to publish a part of an import, unless it is that of the source `but`, which is about to be finished.

        Raises:
            ImportUnfinished: Names the source.
        """
        try:
            source = self._path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return
        if but is None or source != but.encode(errors="replace").decode():
            raise ImportUnfinished(
                f"The import of {source} did not finish, so that the catalogue has only a part of it. Run "
                "`lookalike index` for it again, or publish the catalogue as it is with `lookalike reindex --full`."
            )
