"""`lookalike worker`: does what was queued."""

from functools import partial

from app.core.settings import Settings
from lookalike.options import DataDir


def worker(*, data_dir: DataDir = None) -> None:
    """Do queued jobs, and reindex when LOOKALIKE_REINDEX_SCHEDULE says so, until stopped."""
    from app.api.logs import configure_logging  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.reindex import run_reindex_job  # noqa: PLC0415
    from indexer.worker import run_worker  # noqa: PLC0415

    settings = Settings.load(data_dir=data_dir)
    configure_logging()
    run_worker(settings, partial(run_reindex_job, settings))
