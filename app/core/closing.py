"""Things that hold files or processes until they are closed."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """What is closed by hand, or by the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
