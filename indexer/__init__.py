"""The offline side: sources, pipeline, verification and publishing of snapshots."""
