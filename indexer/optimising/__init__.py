"""Making a network faster with the pictures of a catalogue, where it stays as accurate."""
