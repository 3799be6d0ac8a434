"""What both processes share: no web framework and no database in here."""
