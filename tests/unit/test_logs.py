import json
import subprocess
import sys

QUIET = """
import logging
import structlog
from app.api.logs import configure_logging

configure_logging(logging.WARNING)
log = structlog.get_logger("lookalike.requests")
log.info("request")
log.error("request.failed")
"""
FAILING = """
import structlog
from app.api.logs import configure_logging

def check(key):
    raise ValueError("the check failed")

configure_logging()
try:
    check("".join(("hunter", "2")))
except ValueError:
    structlog.get_logger("lookalike").exception("request.failed")
"""


def test_a_traceback_shows_where_and_why_but_no_value_of_a_variable() -> None:
    """A failure's frames hold keys, passwords and photos; the log has none of them."""
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=True)

    (line,) = done.stderr.splitlines()
    (exception,) = json.loads(line)["exception"]
    assert (exception["exc_type"], exception["exc_value"]) == ("ValueError", "the check failed")
    assert exception["frames"][-1]["name"] == "check"
    assert "hunter2" not in done.stderr


def test_lines_below_the_level_are_left_out() -> None:
    """The demo shows warnings and errors, not every request."""
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True)

    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["request.failed"]
