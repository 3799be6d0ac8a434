"""The SQL catalogue: tables, sessions and every query. No torch and no FAISS in here."""
