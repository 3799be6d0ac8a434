"""The one exception for whatever the service does not answer as asked."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """
    What the service answered instead of a result.

    Attributes:
        status: Of HTTP.
        slug: Stable name of the kind of problem, such as `image-too-large`; compare with this.
        detail: What happened, the value and the limit, for people.
        request_id: Names the request in the service's log; empty where it never got there.
        retry_after_s: When to try again; None: it would not help.
    """

    def __init__(self, status: int, document: Mapping[str, Any], retry_after_s: int | None = None) -> None:
        self.status = status
        self.slug = str(document.get("type", "")).rpartition("/")[2] or "error"
        self.detail = str(document.get("detail", "The answer is not one of Lookalike's."))
        self.request_id = str(document.get("instance", "")).removeprefix("urn:uuid:")
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.slug}: {self.detail}")
