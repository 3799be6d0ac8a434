"""`lookalike` as a command that starts at once: forked from a process that has imported what every command imports."""

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.cli import main
from tests.support.server import FORKS

_COMMAND = """\
#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    socket.send_fds(there, [b"."], [0, 1, 2])
    there.sendall(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode())
    there.shutdown(socket.SHUT_WR)
    sys.exit(int(there.recv(10) or 70))
"""


@contextmanager
def forked_commands(folder: Path) -> Iterator[Path]:
    """Give a folder, for the front of PATH, with a `lookalike` that works until the block ends."""
    address, tools = folder / "socket", folder / "tools"
    tools.mkdir()
    command = tools / "lookalike"
    command.write_text(_COMMAND.format(python=sys.executable, address=str(address)))
    command.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        process = FORKS.Process(target=_serve, args=(listener,), daemon=True)
        process.start()
    yield tools
    process.kill()
    process.join()


def _serve(listener: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever has ended is forgotten
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            _run(connection)
        connection.close()


def _run(connection: socket.socket) -> None:
    """Do what was asked for, with the files, folder and variables of whoever asked; tell how it ended."""
    code = 1
    try:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        with connection.makefile("rb") as request:
            sys.argv, folder, environment = json.load(request)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # nobody else would tell
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(0)
