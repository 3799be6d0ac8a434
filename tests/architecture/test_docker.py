"""The image and the compose file, as far as they can be checked without Docker; `make docker-check` goes further."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.core.settings import Settings
from tests.support.dockerfile import PATH, read_stages
from tests.support.reference_pages import commands
from tests.support.sources import REPOSITORY

TOOLS = Path(sys.executable).parent
DEMANDED = {
    "LOOKALIKE_DB_PASSWORD": "a b&c$d",
    "LOOKALIKE_ADMIN_KEY": "sixteen characters",
    "LOOKALIKE_PHOTOS": str(REPOSITORY),
}


def _compose(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / "docker-compose"), "--profile", "*", "config", *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _services(environment: dict[str, str]) -> dict[str, Any]:
    """Return the services as `docker compose config` understands them."""
    done = _compose("--format", "json", environment=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services where nothing but what is demanded is set."""
    return _services(DEMANDED)


@pytest.fixture(scope="module")
def ours(services: dict[str, Any]) -> dict[str, Any]:
    """The services that run Lookalike's image."""
    return {name: service for name, service in services.items() if "build" in service}


@pytest.mark.parametrize("missing", DEMANDED)
def test_compose_refuses_to_start_without_what_it_demands(missing: str) -> None:
    """Neither a secret nor the folder of photos has a default: the refusal names the variable."""
    done = _compose("--quiet", environment={name: value for name, value in DEMANDED.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr


def test_no_secret_is_written_down() -> None:
    """Whatever is called a password or a key comes from a variable that is demanded."""
    for line in (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8").splitlines():
        name, colon, value = line.partition(":")
        if colon and re.search(r"PASSWORD|_KEY$|SECRET|TOKEN", name) and not line.lstrip().startswith("#"):
            assert re.fullmatch(r" \$\{\w+:\?.+\}", value), line


def test_compose_knows_only_settings_that_exist(ours: dict[str, Any]) -> None:
    """A misspelt setting would be ignored in silence."""
    known = {f"LOOKALIKE_{name.upper()}" for name in Settings.model_fields}
    for service in ours.values():
        assert {name for name in service["environment"] if name.startswith("LOOKALIKE_")} <= known


def test_compose_runs_the_service_and_the_indexer_from_one_image(ours: dict[str, Any]) -> None:
    """Both, and the migration before them, come from the image of this version."""
    assert set(ours) == {"migrate", "service", "worker"}
    assert {service["image"] for service in ours.values()} == {f"lookalike:{__version__}"}


def test_the_worker_stays_and_has_time_to_give_its_job_back(ours: dict[str, Any]) -> None:
    """It runs beside the service, is started again when it fails, and is not killed in the middle of a step."""
    worker = ours["worker"]
    assert worker["command"] == ["worker"]
    assert "profiles" not in worker
    assert worker["restart"] == "unless-stopped"
    assert worker["stop_grace_period"] == "1m0s"


def test_the_service_sees_the_photos_where_the_worker_indexed_them(ours: dict[str, Any]) -> None:
    """The catalogue holds the paths of the pictures, and the service serves them; neither may change them."""
    for name in ("service", "worker"):
        (photos,) = [volume for volume in ours[name]["volumes"] if volume["type"] == "bind"]
        assert (photos["target"], photos["read_only"]) == ("/photos", True)


def test_the_worker_indexes_the_photos_or_the_feed_that_is_named(ours: dict[str, Any]) -> None:
    """What may be fetched reaches the service too, which fetches the pictures of products that are put."""
    assert ours["worker"]["environment"]["LOOKALIKE_SOURCE"] == "/photos"
    fetching = {"LOOKALIKE_FETCH_HOSTS": "cdn.shop.example", "LOOKALIKE_FETCH_TRUSTED": "http://images.lan:8080"}
    feed = {"LOOKALIKE_SOURCE": "https://shop.example/feed.csv", "LOOKALIKE_SOURCE_MAP": '{"sku": "id"}'}
    found = _services({**DEMANDED, **fetching, **feed})
    assert (fetching | feed).items() <= found["worker"]["environment"].items()
    assert fetching.items() <= found["service"]["environment"].items()


def test_containers_may_do_no_more_than_they_must(ours: dict[str, Any]) -> None:
    """Read-only root, a limited /tmp, no capability, no new privileges."""
    for service in ours.values():
        assert service["read_only"] is True
        assert any(mount.startswith("/tmp:size=") for mount in service["tmpfs"])  # noqa: S108  # the container's own
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_only_the_page_is_published_and_only_on_this_machine(services: dict[str, Any]) -> None:
    """The database and the metrics stay inside; TLS is the business of the proxy in front."""
    published = [(name, port) for name, service in services.items() for port in service.get("ports", [])]
    assert [(name, port["host_ip"], port["target"]) for name, port in published] == [("service", "127.0.0.1", 8000)]


def test_what_compose_waits_for_has_a_health_check(services: dict[str, Any]) -> None:
    """Migration waits for a healthy database, everything else for the migration."""
    assert services["postgres"]["healthcheck"]["test"][0] == "CMD"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("service", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_images_are_pinned_by_version(services: dict[str, Any]) -> None:
    """A base that changes its major version overnight is no base."""
    bases = [stage.base for stage in read_stages()] + [services["postgres"]["image"]]
    for base in bases:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+[\w.-]*", base), base


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile follows the usual practice, without a single rule switched off."""
    done = subprocess.run([str(TOOLS / "hadolint"), str(PATH)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A numeric user, so that an orchestrator can tell that it is not root."""
    assert read_stages()[-1].one("USER").value == "10001:10001"


def test_the_image_fetches_nothing_but_packages() -> None:
    """No ADD, which also fetches addresses, and no download of its own."""
    for stage in read_stages():
        assert stage.all("ADD") == []
        assert not [run for run in stage.all("RUN") if re.search(r"\b(curl|wget)\b", run.value)]


def test_the_image_holds_no_secret() -> None:
    """Whatever ENV and ARG set stays in the image for everybody to read."""
    for stage in read_stages():
        for name in stage.environment():
            assert not re.search(r"PASSWORD|KEY|SECRET|TOKEN", name), name


def test_the_commands_of_image_and_compose_exist(ours: dict[str, Any]) -> None:
    """`lookalike serve`, `lookalike index`, `lookalike db upgrade` are commands of this version."""
    stage = read_stages()[-1]
    existing = {words for words, _ in commands()}
    assert stage.one("ENTRYPOINT").as_list() == ["lookalike"]
    started = [stage.one("CMD").as_list()] + [service["command"] for service in ours.values()]
    for words in started:
        subcommand = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        assert " ".join(["lookalike", *subcommand]) in existing, words


def test_the_build_copies_every_package() -> None:
    """What pyproject.toml packs is copied, and .dockerignore lets it through."""
    copied = {word for copy in read_stages()[0].all("COPY") for word in copy.value.split()[:-1]}
    let_through = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert {"app", "indexer", "lookalike", "migrations", "pyproject.toml", "requirements.lock"} <= copied
    assert copied == let_through
