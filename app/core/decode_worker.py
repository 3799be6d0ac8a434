"""
The child process that decodes images for `app.core.decode_pool`: `python -m app.core.decode_worker`.

It answers one request after another on the socket that is its standard input, and ends when the other side closes it.
Its memory and processor time are limited, it may write no file, and it knows no setting and no secret.
"""

import math
import resource
import signal
import socket
import sys
import traceback
from typing import Any, Final

from app.core.decode_protocol import receive_frame, send_frame
from app.core.errors import InvalidImage
from app.core.files import MIB
from app.core.images import ImageLimits, make_thumbnail, prepare_views
from app.core.preprocessing import Preprocessing, Region, View

MEMORY_LIMIT_BYTES: Final = 640 * MIB
"""Address space. Measured: 25 megapixels of PNG need 400 MB, of WebP 500; a progressive CMYK JPEG of 50, 510."""

_MAX_REQUEST_BYTES: Final = 1 << 30


def main() -> None:
    """Serve until the other side closes the connection."""
    _restrict_process()
    with socket.socket(fileno=sys.stdin.fileno()) as parent:
        try:
            send_frame(parent, {"ready": True})
            while True:
                _serve_one(parent)
        except ConnectionError:
            return


def _restrict_process() -> None:
    # A service that is asked to stop still finishes what it accepted, and needs its children for that.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    # A core dump would hold somebody's photo.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _serve_one(parent: socket.socket) -> None:
    request, data = receive_frame(parent, _MAX_REQUEST_BYTES)
    _limit_processor_time(request["cpu_limit_s"])
    try:
        header, body = _answer(request, bytes(data))
    except InvalidImage as error:
        header, body = {"slug": error.slug, "message": error.message}, b""
    except Exception:  # noqa: BLE001  # the parent raises it as an internal error, with this text as its cause
        header, body = {"slug": "internal-error", "message": traceback.format_exc(limit=-8)}, b""
    send_frame(parent, header, body)


def _limit_processor_time(limit_s: float) -> None:
    """Let the kernel end this process when it has used `limit_s` more, even if the parent is no more."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(usage.ru_utime + usage.ru_stime + limit_s), hard))


def _answer(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    limits = ImageLimits(**request["limits"])
    if "thumbnail_px" in request:
        return {}, make_thumbnail(data, request["thumbnail_px"], limits)
    preprocessings = [Preprocessing(**fields) for fields in request["preprocessings"]]
    views = [
        View(Region(*view["region"]) if view["region"] else None, is_whole=view["is_whole"])
        for view in request["views"]
    ]
    prepared = prepare_views(data, preprocessings, limits, views)
    header = {
        "width_px": prepared[0].width_px,
        "height_px": prepared[0].height_px,
        "format": prepared[0].format,
        "is_uniform": [each.is_uniform for each in prepared],
    }
    return header, b"".join(array.tobytes() for each in prepared for array in (*each.arrays, each.signature))


if __name__ == "__main__":
    main()
