"""Which network, or which mixture of two, finds most in this catalogue, and what it costs."""
