import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.core import cores
from app.core.decode_pool import DecodePool
from app.core.errors import DecodeTimedOut, ImageTooLarge, InternalError, InvalidImage, Overloaded
from app.core.images import ImageLimits, make_thumbnail, prepare_image
from app.core.preprocessing import Preprocessing, Region
from app.core.settings import Settings
from tests.support.images import HOSTILE_IMAGES, HostileImage, hostile_bytes, picture_bytes, png_bytes, progressive_jpeg
from tests.support.sources import REPOSITORY
from tests.support.waiting import wait_until

PREPROCESSING = Preprocessing(256, 224, "bilinear", (0, 0, 0), (1, 1, 1))
SMALL = Preprocessing(64, 48, "bicubic", (0, 0, 0), (1, 1, 1))
LIMITS = ImageLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000)


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    """One child, so that a test knows which it deals with."""
    with DecodePool(1, LIMITS, timeout_s=20.0) as pool:
        yield pool


def child_pid(pool: DecodePool) -> int:
    """Return the process of the child that answered last, which is ready to work."""
    pool.prepare(picture_bytes(), [SMALL])
    child = pool._idle[-1]._child
    assert child is not None
    return child._process.pid


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is more than an entry that its parent has yet to read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def peak_memory_bytes(pid: int) -> int:
    """Return the most memory that a process ever had resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


class TestAnswers:
    """A child answers what the same call in this process would."""

    def test_pixels_are_those_of_decoding_in_process(self, pool: DecodePool) -> None:
        """Pixels, size, format and flags of every preprocessing cross the pipe unchanged, with and without a region."""
        for region in (None, Region(0.1, 0.2, 0.9, 0.7)):
            here = prepare_image(picture_bytes(), [PREPROCESSING, SMALL], LIMITS, region)
            there = pool.prepare(picture_bytes(), [PREPROCESSING, SMALL], region)

            assert all(np.array_equal(*pair) for pair in zip(here.arrays, there.arrays, strict=True))
            assert all(array.flags.c_contiguous and array.flags.writeable for array in there.arrays)
            facts = ("width_px", "height_px", "format", "is_uniform")
            assert [getattr(here, fact) for fact in facts] == [getattr(there, fact) for fact in facts]

    def test_thumbnails_are_those_of_decoding_in_process(self, pool: DecodePool) -> None:
        """A thumbnail is byte for byte the one that this process would make."""
        assert pool.thumbnail(picture_bytes(), 100) == make_thumbnail(picture_bytes(), 100, LIMITS)

    @pytest.mark.parametrize("image", [image for image in HOSTILE_IMAGES if image.slug], ids=str)
    def test_refusals_cross_the_pipe(self, image: HostileImage, shared_pool: DecodePool) -> None:
        """Every refusal comes out as the same class with the same message as in this process."""
        data = hostile_bytes(image)
        with pytest.raises(InvalidImage) as here:
            prepare_image(data, [SMALL], LIMITS)

        with pytest.raises(InvalidImage) as there:
            shared_pool.prepare(data, [SMALL])

        assert (type(there.value), there.value.message) == (type(here.value), here.value.message)

    def test_many_threads_share_few_children(self) -> None:
        """Requests of many threads are all answered, each with its own picture."""
        pictures = [picture_bytes("PNG", 60, 40 + seed, seed) for seed in range(24)]
        with DecodePool(2, LIMITS, timeout_s=60.0) as pool, ThreadPoolExecutor(6) as threads:
            prepared = list(threads.map(lambda data: pool.prepare(data, [SMALL]), pictures))

        for data, answer in zip(pictures, prepared, strict=True):
            assert np.array_equal(answer.arrays[0], prepare_image(data, [SMALL], LIMITS).arrays[0])

    def test_what_nobody_foresaw_is_an_internal_error_with_its_cause(self, pool: DecodePool) -> None:
        """A bug in the child is not blamed on the image; its traceback is the cause, its text is not the message."""
        with pytest.raises(InternalError) as caught:
            pool.prepare(picture_bytes(), [Preprocessing(0, 224, "bilinear", (0, 0, 0), (1, 1, 1))])

        assert "ValueError" in str(caught.value.__cause__)
        assert "ValueError" not in caught.value.message


@pytest.fixture(scope="module")
def shared_pool() -> Iterator[DecodePool]:
    """One child for tests that leave it in order."""
    with DecodePool(1, LIMITS, timeout_s=60.0) as pool:
        yield pool


class TestFaults:
    """One broken child costs one request at most."""

    def test_a_child_that_died_while_idle_costs_nothing(self, pool: DecodePool) -> None:
        """When a child is killed between requests, the next request is answered by another."""
        first = child_pid(pool)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not is_running(first))

        pool.prepare(picture_bytes(), [SMALL])

        assert child_pid(pool) != first

    def test_a_child_killed_at_work_costs_its_own_request(self, pool: DecodePool) -> None:
        """The request of a child that is killed is refused; the next one is answered."""
        pid = child_pid(pool)
        child = pool._idle[0]._child
        assert child is not None
        os.kill(pid, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as thread:
            working = thread.submit(pool.prepare, picture_bytes(), [SMALL])
            wait_until(lambda: fcntl.ioctl(child._socket, termios.TIOCOUTQ, bytes(4)) != bytes(4))
            os.kill(pid, signal.SIGKILL)

            with pytest.raises(DecodeTimedOut, match="memory or processor time"):
                working.result()

        pool.prepare(picture_bytes(), [SMALL])

    def test_a_child_that_hangs_is_killed_at_the_deadline(self) -> None:
        """A child that does not answer in time is killed and replaced; the message names limit and setting."""
        with DecodePool(1, LIMITS, timeout_s=3.0) as pool:
            hanging = child_pid(pool)
            os.kill(hanging, signal.SIGSTOP)

            with pytest.raises(DecodeTimedOut, match=r"3 s, the limit \(LOOKALIKE_DECODE_TIMEOUT_S\)"):
                pool.prepare(picture_bytes(), [SMALL])

            assert not is_running(hanging)
            assert child_pid(pool) != hanging

    def test_a_picture_that_needs_too_much_memory_is_refused(self, pool: DecodePool) -> None:
        """A picture that does not fit into the child's memory is refused there, and the child works on."""
        pid = child_pid(pool)
        resource.prlimit(pid, resource.RLIMIT_AS, (160 * 1024 * 1024, 640 * 1024 * 1024))

        with pytest.raises(DecodeTimedOut, match="more memory"):
            pool.prepare(png_bytes(5000, 5000, pixels=b""), [SMALL])

        assert child_pid(pool) == pid

    def test_the_kernel_ends_a_child_that_uses_too_much_processor_time(self, pool: DecodePool) -> None:
        """Even where nobody watches the clock, processor time is limited, counted anew for each request."""
        pid = child_pid(pool)
        assert 20 < resource.prlimit(pid, resource.RLIMIT_CPU)[0] < 40
        pool._common["cpu_limit_s"] = 0

        def decode_much() -> None:
            for _ in range(8):  # the kernel counts whole seconds, and one picture may fit into the rest of one
                pool.prepare(progressive_jpeg(7000, 7000, 90), [SMALL], Region(0, 0, 0.1, 0.1))

        with pytest.raises(DecodeTimedOut, match="processor time"):
            decode_much()

        assert not is_running(pid)

    def test_no_child_to_be_had_is_overload(self, pool: DecodePool, monkeypatch: pytest.MonkeyPatch) -> None:
        """When no process can be started the request is refused as overload, and the pool recovers by itself."""
        pid = child_pid(pool)
        with monkeypatch.context() as broken:
            broken.setattr(sys, "executable", "/nonexistent/python")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not is_running(pid))
            with pytest.raises(Overloaded):
                pool.prepare(picture_bytes(), [SMALL])

        pool.prepare(picture_bytes(), [SMALL])

    def test_a_request_to_stop_the_service_does_not_stop_its_children(self, pool: DecodePool) -> None:
        """SIGTERM and SIGINT to the whole process group leave the children alive for what was accepted."""
        pid = child_pid(pool)

        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)

        assert child_pid(pool) == pid

    def test_an_image_bomb_takes_no_memory(self, pool: DecodePool) -> None:
        """88 megapixels in 11 KB are refused before memory is taken for them."""
        (bomb,) = [hostile_bytes(image) for image in HOSTILE_IMAGES if image.row == "B34"]
        pid = child_pid(pool)
        before_bytes = peak_memory_bytes(pid)

        with pytest.raises(ImageTooLarge):
            pool.prepare(bomb, [SMALL])

        assert len(bomb) < 20_000
        assert peak_memory_bytes(pid) - before_bytes < 10 * 1024 * 1024


class TestLife:
    """Children begin and end with their pool."""

    def test_closing_leaves_no_process(self) -> None:
        """After closing, once or twice, no child is left; asking a closed pool is a programmer's error."""
        pool = DecodePool(2, LIMITS, timeout_s=20.0)
        pid = child_pid(pool)

        pool.close()
        pool.close()

        assert not Path(f"/proc/{pid}").exists()
        with pytest.raises(RuntimeError, match="closed"):
            pool.prepare(picture_bytes(), [SMALL])

    def test_closing_lets_the_request_under_way_finish(self) -> None:
        """A request that was accepted before closing is answered."""
        with ThreadPoolExecutor(1) as thread:
            with DecodePool(1, LIMITS, timeout_s=60.0) as pool:
                pid = child_pid(pool)
                os.kill(pid, signal.SIGSTOP)
                working = thread.submit(pool.prepare, picture_bytes(), [SMALL])
                wait_until(lambda: not pool._idle)
                os.kill(pid, signal.SIGCONT)

            assert working.result().format == "JPEG"

    def test_children_end_with_a_service_that_was_killed(self, tmp_path: Path) -> None:
        """A pool works from any folder, and when its process dies without a word its children end by themselves."""
        program = (
            "import os, signal\n"
            "from app.core.decode_pool import DecodePool\n"
            "from app.core.errors import NotAnImage\n"
            "from app.core.images import ImageLimits\n"
            "pool = DecodePool(1, ImageLimits(1000, 1000), 20.0)\n"
            "try:\n"
            "    pool.thumbnail(b'text', 10)\n"
            "except NotAnImage:\n"
            "    print(pool._idle[0]._child._process.pid, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        # The folder holds a module that would be imported in place of ours, were it searched.
        (tmp_path / "app.py").write_text("raise SystemExit('the wrong app')")

        killed = subprocess.run(
            [sys.executable, "-P", "-c", program],
            cwd=tmp_path,
            env={"PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            check=False,
            text=True,
        )

        pid = int(killed.stdout)
        wait_until(lambda: not is_running(pid))

    def test_settings_say_how_many_children(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The caller's number, else that of the settings, else one a core that this process may use."""
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
        monkeypatch.setattr(cores, "_CGROUP_QUOTA", Path("/nowhere"))

        sizes = []
        for settings, size in ((Settings(decode_workers=2), 1), (Settings(decode_workers=2), None), (Settings(), None)):
            with DecodePool.from_settings(settings, size=size) as pool:
                sizes.append(pool.size)

        assert sizes == [1, 2, 3]

    def test_children_know_no_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing of the service's environment but search paths reaches the process that reads hostile bytes."""
        monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", "a-key-that-nobody-may-know")
        with DecodePool(1, LIMITS, timeout_s=20.0) as pool:
            environment = Path(f"/proc/{child_pid(pool)}/environ").read_bytes()

        assert b"a-key-that" not in environment
        assert b"PYTHONPATH" in environment

    def test_children_are_restricted(self, pool: DecodePool) -> None:
        """A child may use 640 MiB of address space, write no file and leave no core dump."""
        pid = child_pid(pool)

        limits = [
            resource.prlimit(pid, kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
        ]

        assert limits == [640 * 1024 * 1024, 0, 0]
