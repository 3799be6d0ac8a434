"""Fetching pictures and feeds from other people's servers: guarded, polite, bounded in bytes and time."""
