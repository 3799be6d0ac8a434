"""
What is wrong with the catalogue's pictures: one look at all of them, and a report with what to do about it.

    snapshot ─ rows, embeddings ─▶ neighbours ─▶ hubs, near-duplicates ┐
             ─ categories ───────▶ labels                              ├─▶ examination ─▶ document (JSON), report (HTML)
             ─ files ────────────▶ inspection (quality) ───────────────┤
    source, folders, database ───▶ missing ────────────────────────────┘

Nothing is changed: neither the catalogue nor the index.
"""
