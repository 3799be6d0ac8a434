"""
`make docker-check`: runs the commands of docker/Dockerfile without Docker.

The build stage's RUN lines run as they are, in a sandbox where /source is what COPY would copy and /opt/lookalike is an
empty folder. Then the image's own commands run as its user, on a read-only root with a small /tmp and /data beside it:
upgrade a database, index three pictures, serve, pass the health check, answer a search, stop on SIGTERM.

    python -m tests.support.image_check [--torch-index URL]

The sandbox is bubblewrap, which Debian packages. Docker's layers, its networks and its resource limits are not tried.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from tests.support.dockerfile import PATH, Stage, read_stages
from tests.support.sources import REPOSITORY

TOOLS = Path(sys.executable).parent
READY_S = 120
KEY = "a-key-for-the-check"  # the image listens on all addresses, which it does not do without one


class Sandbox:
    """A root that shows the host's programs read-only, and some folders in other places."""

    def __init__(self, folders: dict[str, Path], *, writable: Sequence[str], uid: int) -> None:
        self._uid = uid
        hidden = {"/tmp", "/proc", "/dev", "/opt", *folders}  # noqa: S108  # the sandbox has its own
        host = [str(entry) for entry in [*Path("/").iterdir(), *Path("/opt").iterdir()] if str(entry) not in hidden]
        self._mounts = ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(256 * 2**20)]
        self._mounts += ["--tmpfs", "/tmp"]  # noqa: S108
        for name in host:
            entry = Path(name)
            link = entry.is_symlink()
            self._mounts += ["--symlink", str(entry.readlink()), name] if link else ["--ro-bind", name, name]
        for name, folder in folders.items():
            self._mounts += ["--bind" if name in writable else "--ro-bind", str(folder), name]
        self._mounts += ["--remount-ro", "/"]

    def start(self, command: Sequence[str], *, cwd: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a command as the stage's user, with no capability."""
        limits = ["--unshare-user", "--unshare-pid", "--uid", str(self._uid), "--gid", str(self._uid)]
        limits += ["--cap-drop", "ALL", "--as-pid-1", "--die-with-parent", "--chdir", cwd]
        return subprocess.Popen(["bwrap", *self._mounts, *limits, *command], env=environment)

    def run(self, command: Sequence[str], *, cwd: str, environment: dict[str, str]) -> None:
        """Run a command to its end; stop here if it fails."""
        say("$ " + shlex.join(command))
        code = self.start(command, cwd=cwd, environment=environment).wait()
        if code != 0:
            raise SystemExit(f"{shlex.join(command)} ended with {code}.")


def say(text: str) -> None:
    """Tell what is being done."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def build(stage: Stage, target: Path, torch_index: str) -> None:
    """Run the build stage; what it installs lands in `target`."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        sandbox = Sandbox({"/source": source, "/opt/lookalike": target}, writable=["/source", "/opt/lookalike"], uid=0)
        # The base image's Python is the host's, which may live anywhere.
        path = f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
        host = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        environment = stage.environment(**host, PATH=path, HOME="/source", TORCH_INDEX=torch_index)
        for instruction in stage.instructions:
            if instruction.name == "COPY":
                *origins, _ = instruction.value.split()
                for origin in origins:
                    copy = shutil.copytree if (REPOSITORY / origin).is_dir() else shutil.copy2
                    copy(REPOSITORY / origin, source / origin)
            elif instruction.name == "RUN":
                sandbox.run(["bash", "-c", instruction.value], cwd="/source", environment=environment)


def draw_pictures(folder: Path) -> None:
    """Write three pictures in two categories, one of them large enough to be spooled to /tmp when uploaded."""
    for number, category in enumerate(["mugs", "mugs", "lamps"]):
        picture = Image.effect_noise((1500, 1200), 90).convert("RGB") if number == 2 else Image.new("RGB", (300, 300))
        ImageDraw.Draw(picture).ellipse((40, 40, 160 + 40 * number, 240), fill=(200, 60 * number, 30))
        (folder / category).mkdir(exist_ok=True)
        picture.save(folder / category / f"{category}_{number}.png")


def search(port: int, picture: bytes) -> None:
    """Send one search, and fetch the picture of the first hit."""
    head = b'--boundary\r\nContent-Disposition: form-data; name="image"; filename="p"\r\n\r\n'
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/search",
        data=head + picture + b"\r\n--boundary--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=boundary", "Authorization": f"Bearer {KEY}"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        (first, *_) = json.load(response)["results"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{first['image']['url']}", timeout=30) as response:
        size_bytes = len(response.read())
    say(f"POST /search with {len(picture):,} bytes: {first['product']['id']}, whose picture has {size_bytes:,}.")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait for /readyz."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"The service was not ready within {READY_S} s (exit code {server.poll()}).")


def run_image(stage: Stage, installed: Path) -> None:
    """Run the image's commands as its user, with nothing writable but /data and /tmp."""
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as photos:
        draw_pictures(Path(photos))
        folders = {"/opt/lookalike": installed, "/data": Path(data), "/photos": Path(photos)}
        uid = int(stage.one("USER").value.split(":")[0])
        sandbox = Sandbox(folders, writable=["/data"], uid=uid)
        port = free_port()
        environment = {
            **stage.environment(PATH="/usr/local/bin:/usr/bin:/bin"),
            "LOOKALIKE_PORT": str(port),
            "LOOKALIKE_ADMIN_KEY": KEY,
        }
        cwd = stage.one("WORKDIR").value
        entrypoint = stage.one("ENTRYPOINT").as_list()
        for arguments in (["--help"], ["db", "upgrade"], ["index", "/photos"]):
            sandbox.run([*entrypoint, *arguments], cwd=cwd, environment=environment)

        command = [*entrypoint, *stage.one("CMD").as_list()]
        say("$ " + shlex.join(command))
        server = sandbox.start(command, cwd=cwd, environment=environment)
        try:
            wait_until_ready(port, server)
            sandbox.run(stage.one("HEALTHCHECK").as_list(), cwd=cwd, environment=environment)
            for picture in sorted(Path(photos).rglob("*.png")):
                search(port, picture.read_bytes())
        finally:
            stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the command inside the sandbox, which is process 1 there as in a container, and see it end."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    for child in children or [str(server.pid)]:
        os.kill(int(child), signal.SIGTERM)
    if (code := server.wait(timeout=40)) != 0:
        raise SystemExit(f"After SIGTERM the service ended with {code}.")


def main() -> None:
    """Lint, check, build and run."""
    parser = argparse.ArgumentParser(description="Run the commands of docker/Dockerfile without Docker.")
    parser.add_argument("--torch-index", default="", help="PyTorch's CPU index, where it can be reached.")
    arguments = parser.parse_args()
    if shutil.which("bwrap") is None:
        raise SystemExit("This needs bubblewrap: apt-get install bubblewrap.")
    demanded = dict.fromkeys(["LOOKALIKE_DB_PASSWORD", "LOOKALIKE_ADMIN_KEY", "LOOKALIKE_PHOTOS"], "for the check")
    subprocess.run([TOOLS / "hadolint", PATH], check=True)
    compose = [str(TOOLS / "docker-compose"), "--profile", "*", "config", "--quiet"]
    subprocess.run(compose, check=True, cwd=REPOSITORY, env={**os.environ, **demanded})
    build_stage, image = read_stages()
    with tempfile.TemporaryDirectory() as installed, tempfile.TemporaryDirectory() as no_index:
        Path(installed).chmod(0o755)
        build(build_stage, Path(installed), arguments.torch_index or no_index)
        run_image(image, Path(installed))
    say("The image's commands work.")


if __name__ == "__main__":
    main()
