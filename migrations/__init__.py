"""Alembic's migrations, as a package so that an installed Lookalike carries them. Neither torch nor FastAPI here."""
