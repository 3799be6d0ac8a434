"""
Decoding in child processes that can be killed: the only way to stop Pillow in the middle of a hostile file.

A thread or a signal cannot interrupt C code; SIGKILL can. A child that exceeds its time or its memory costs the one
request that it worked on, and is replaced.
"""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from typing import Any, Final, Self

import numpy as np

from app.core.arrays import UInt8Array
from app.core.child_process import child_environment, module_command
from app.core.closing import Closing
from app.core.cores import available_cores
from app.core.decode_protocol import receive_frame, send_frame
from app.core.errors import DecodeTimedOut, InternalError, InvalidImage, Overloaded
from app.core.files import MIB
from app.core.images import ImageLimits
from app.core.preprocessing import PreparedImage, Preprocessing, Region, View
from app.core.settings import Settings
from app.core.signature import SIGNATURE_SIZE

_START_TIMEOUT_S: Final = 30.0
_MAX_THUMBNAIL_BYTES: Final = 16 * MIB

_REFUSALS: Final = {leaf.slug: leaf for leaf in InvalidImage.__subclasses__()}


class DecodePool(Closing):
    """
    `size` child processes that prepare images; blocking, for use from as many threads.

    The children start at once, in the background. Settings reach them with each request, secrets never.
    """

    def __init__(self, size: int, limits: ImageLimits, timeout_s: float) -> None:
        if size < 1:
            raise ValueError("A decode pool needs at least one child.")
        self.size = size
        self._timeout_s = timeout_s
        self._common = {"limits": asdict(limits), "cpu_limit_s": timeout_s}
        self._condition = threading.Condition()
        self._closed = False
        self._idle = [_Slot() for _ in range(size)]
        for slot in self._idle:
            slot.start()

    @classmethod
    def from_settings(cls, settings: Settings, *, size: int | None = None) -> Self:
        """Return a pool with the limits of the settings, and as many children as they say unless `size` does."""
        children = size or settings.decode_workers or available_cores()
        return cls(children, ImageLimits.from_settings(settings), settings.decode_timeout_s)

    def prepare(
        self, data: bytes, preprocessings: Sequence[Preprocessing], region: Region | None = None
    ) -> PreparedImage:
        """
        Do what `app.core.images.prepare_image` does, in a child.

        Raises:
            InvalidImage: As `prepare_image` does; DecodeTimedOut too when the child had to be killed, or died.
            Overloaded: No child could be started.
        """
        (prepared,) = self.prepare_views(data, preprocessings, [View(region)])
        return prepared

    def prepare_views(
        self, data: bytes, preprocessings: Sequence[Preprocessing], views: Sequence[View]
    ) -> list[PreparedImage]:
        """Do what `app.core.images.prepare_views` does, in a child; raises as `prepare` does."""
        request = {
            "preprocessings": [asdict(preprocessing) for preprocessing in preprocessings],
            "views": [{"region": view.region and astuple(view.region), "is_whole": view.is_whole} for view in views],
        }
        sides_px = [preprocessing.crop_px for preprocessing in preprocessings]
        pixel_bytes = sum(3 * side_px**2 for side_px in sides_px)
        view_bytes = pixel_bytes + SIGNATURE_SIZE
        facts, body = self._ask(request, data, max_reply_bytes=len(views) * view_bytes)
        parts = [body[start : start + view_bytes] for start in range(0, len(body), view_bytes)]
        return [
            PreparedImage(
                arrays=_split(part[:pixel_bytes], sides_px),
                width_px=facts["width_px"],
                height_px=facts["height_px"],
                format=facts["format"],
                is_uniform=is_uniform,
                signature=np.frombuffer(part[pixel_bytes:], np.uint8),
            )
            for part, is_uniform in zip(parts, facts["is_uniform"], strict=True)
        ]

    def thumbnail(self, data: bytes, size_px: int) -> bytes:
        """
        Do what `app.core.images.make_thumbnail` does, in a child.

        Raises:
            InvalidImage: As for `prepare`.
            Overloaded: No child could be started.
        """
        _, thumbnail = self._ask({"thumbnail_px": size_px}, data, max_reply_bytes=_MAX_THUMBNAIL_BYTES)
        return bytes(thumbnail)

    def close(self) -> None:
        """Let requests under way finish (at most `timeout_s`), then end every child. May be called again."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: len(self._idle) == self.size)
            for slot in self._idle:
                slot.stop()

    def _ask(self, request: dict[str, Any], data: bytes, max_reply_bytes: int) -> tuple[dict[str, Any], memoryview]:
        with self._taken_slot() as slot:
            facts, body = slot.ask(request | self._common, data, max_reply_bytes, self._timeout_s)
        if "slug" not in facts:
            return facts, body
        if facts["slug"] in _REFUSALS:
            raise _REFUSALS[facts["slug"]](facts["message"])
        raise InternalError("Decoding the image failed unexpectedly.") from RuntimeError(facts["message"])

    @contextmanager
    def _taken_slot(self) -> Iterator["_Slot"]:
        with self._condition:
            self._condition.wait_for(lambda: self._idle or self._closed)
            if self._closed:
                raise RuntimeError("The decode pool is closed.")
            slot = self._idle.pop()
        try:
            yield slot
        finally:
            with self._condition:
                self._idle.append(slot)
                self._condition.notify_all()


class _Slot:
    """A place for one child, used by one thread at a time; it sees to it that a dead child is replaced."""

    def __init__(self) -> None:
        self._child: _Child | None = None

    def start(self) -> None:
        """Start a child if none is running; without success the next request tries again."""
        try:
            if self._child is None:
                self._child = _Child()
        except OSError:
            self._child = None

    def stop(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def ask(
        self, request: dict[str, Any], data: bytes, max_reply_bytes: int, timeout_s: float
    ) -> tuple[dict[str, Any], memoryview]:
        """Return the child's reply; a child that fails to give one is killed and replaced."""
        finished = False
        try:
            child, deadline_s = self._send(request, data, timeout_s)
            reply = child.receive(max_reply_bytes, deadline_s)
            finished = True
        except TimeoutError as error:
            raise DecodeTimedOut(
                f"Decoding the image was stopped after {timeout_s:g} s, the limit (LOOKALIKE_DECODE_TIMEOUT_S)."
            ) from error
        except ConnectionError as error:
            raise DecodeTimedOut(
                "Decoding the image was stopped: it took too much memory or processor time."
            ) from error
        finally:
            if not finished:  # whatever happened, a late reply must not answer the next request
                self.stop()
                self.start()
        return reply

    def _send(self, request: dict[str, Any], data: bytes, timeout_s: float) -> tuple["_Child", float]:
        """Send to a child that lives; one that died while idle is not this image's fault, so another is tried once."""
        child = self._ready_child()
        deadline_s = time.monotonic() + timeout_s
        try:
            child.send(request, data, deadline_s)
        except ConnectionError:
            self.stop()
            child = self._ready_child()
            deadline_s = time.monotonic() + timeout_s
            child.send(request, data, deadline_s)
        return child, deadline_s

    def _ready_child(self) -> "_Child":
        if self._child is not None and not self._child.is_alive():
            self.stop()
        try:
            if self._child is None:
                self._child = _Child()
            self._child.wait_until_ready()
        except OSError as error:  # no process, no file descriptor, or it ended or stalled while starting
            self.stop()
            raise Overloaded("No process could be started to decode the image.") from error
        return self._child


class _Child:
    """One `python -m app.core.decode_worker` and the socket to it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._ready = False
        try:
            with theirs:
                self._process = subprocess.Popen(
                    module_command("app.core.decode_worker"),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    # Decoding multiplies no matrices, and each thread of OpenBLAS takes 30 MB of address space.
                    env=child_environment() | {"OPENBLAS_NUM_THREADS": "1"},
                    start_new_session=True,  # Ctrl-C in a terminal is for the service, which then ends its children
                )
        except BaseException:
            self._socket.close()
            raise

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until the child has imported what it needs, so that this is not counted against an image."""
        if not self._ready:
            receive_frame(self._socket, 0, time.monotonic() + _START_TIMEOUT_S)
            self._ready = True

    def send(self, request: dict[str, Any], data: bytes, deadline_s: float) -> None:
        send_frame(self._socket, request, data, deadline_s)

    def receive(self, max_body_bytes: int, deadline_s: float) -> tuple[dict[str, Any], memoryview]:
        return receive_frame(self._socket, max_body_bytes, deadline_s)

    def stop(self) -> None:
        """End the child and reap it, so that no zombie is left."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _split(pixels: memoryview, sides_px: list[int]) -> tuple[UInt8Array, ...]:
    ends = np.cumsum([3 * side_px**2 for side_px in sides_px])
    parts = np.split(np.frombuffer(pixels, dtype=np.uint8), ends[:-1])
    return tuple(part.reshape(side_px, side_px, 3) for part, side_px in zip(parts, sides_px, strict=True))
