"""A typed client for Lookalike, the visual-similarity search that a shop runs itself."""

from lookalike_client import answers
from lookalike_client.client import Lookalike
from lookalike_client.problem import Problem

__all__ = ["Lookalike", "Problem", "answers"]
__version__ = "0.1.0"
