"""
The frames that a decode pool and its children exchange over a socket pair: a JSON header and raw bytes, no pickle.

A frame is the length of its header (4 bytes) and of its body (8 bytes), big-endian, then the header, then the body.
"""

import json
import socket
import struct
import time
from typing import Any, Final

_LENGTHS: Final = struct.Struct(">IQ")
_MAX_HEADER_BYTES: Final = 64 * 1024


def send_frame(peer: socket.socket, header: dict[str, Any], body: bytes = b"", deadline_s: float | None = None) -> None:
    """
    Send one frame.

    Args:
        peer: A connected socket.
        header: What `json` can write.
        body: Raw bytes.
        deadline_s: Point of `time.monotonic()` by which all must be sent; None waits for ever.

    Raises:
        TimeoutError: The deadline passed.
        ConnectionError: The other side is gone.
    """
    encoded = json.dumps(header).encode()
    _set_deadline(peer, deadline_s)
    # One copy of a photo takes less time than a second system call.
    peer.sendall(b"".join((_LENGTHS.pack(len(encoded), len(body)), encoded, body)))


def receive_frame(
    peer: socket.socket, max_body_bytes: int, deadline_s: float | None = None
) -> tuple[dict[str, Any], memoryview]:
    """
    Receive one frame, with a (writable) body of at most `max_body_bytes`.

    Raises:
        TimeoutError: The deadline passed.
        ConnectionError: The other side is gone, or sent what is not a frame.
    """
    header_bytes, body_bytes = _LENGTHS.unpack(_receive_exactly(peer, _LENGTHS.size, deadline_s))
    if header_bytes > _MAX_HEADER_BYTES or body_bytes > max_body_bytes:
        raise ConnectionError(
            f"A frame of {header_bytes:,} + {body_bytes:,} bytes is longer than any that is expected."
        )
    frame = _receive_exactly(peer, header_bytes + body_bytes, deadline_s)
    try:
        header = json.loads(bytes(frame[:header_bytes]))
    except ValueError as error:
        raise ConnectionError("The header of a frame is not JSON.") from error
    return header, frame[header_bytes:]


def _receive_exactly(peer: socket.socket, count: int, deadline_s: float | None) -> memoryview:
    received = memoryview(bytearray(count))
    rest = received
    while rest:
        _set_deadline(peer, deadline_s)
        got = peer.recv_into(rest)
        if got == 0:
            raise ConnectionResetError("The other side closed the connection.")
        rest = rest[got:]
    return received


def _set_deadline(peer: socket.socket, deadline_s: float | None) -> None:
    if deadline_s is None:
        peer.settimeout(None)
        return
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    peer.settimeout(left_s)
