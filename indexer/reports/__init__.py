"""
Reports: one HTML file each, without scripts, that needs nothing from anywhere and is read without a manual.

A template extends `base.html` (title, verdict, advice, content) and imports what it shows from `parts.html`: figures,
tables, bars, heat tables, picture cards. Templates lie in `templates/`, whoever makes the report.
"""

from indexer.reports.rendering import render, write_report
from indexer.reports.thumbnails import THUMBNAIL_PX, thumbnail_uri, thumbnail_uris

__all__ = ["THUMBNAIL_PX", "render", "thumbnail_uri", "thumbnail_uris", "write_report"]
