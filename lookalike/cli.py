def main() -> None:
    """Run the `lookalike` command."""
