"""
A worker in a process of its own, whose work is to write lines into a file: for tests that stop and kill it.

    python -m tests.support.worker_child FILE STEPS STEP_S LEASE_S     with the database in LOOKALIKE_DATABASE_URL
"""

import logging
import sys
import time
from pathlib import Path

from pydantic import JsonValue

from app.core.settings import Settings
from app.db.jobs import Job
from indexer.progress import Progress
from indexer.worker import run_worker


def main(name: str, steps: int, step_s: float, lease_s: float) -> None:
    """Run the worker; a job goes on where the file ends, as indexing goes on where the vector store ends."""
    path = Path(name)

    def write_lines(job: Job, progress: Progress) -> dict[str, JsonValue]:
        written = len(path.read_text().splitlines()) if path.exists() else 0
        progress.phase("Writing lines", steps)
        progress.advance(written)
        for step in range(written, steps):
            time.sleep(step_s)
            with path.open("a") as file:
                file.write(f"{step} {job.id}\n")
            progress.advance()
        return {"lines": steps}

    run_worker(Settings.load(), write_lines, lease_s=lease_s)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
