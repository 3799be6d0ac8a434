"""The networks: their names, weights, architectures and preprocessing, and the fingerprint of all that."""
