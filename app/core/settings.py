"""
Every setting, in one place: name, default, unit and one line of help.

Built once (by `lookalike` or by `create_app`) and passed on; nothing reads the environment elsewhere.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.errors import InvalidSetting
from app.core.files import MIB
from app.core.setting_messages import explained
from app.core.this_machine import is_this_machine

PREFIX = "LOOKALIKE_"

RuntimeChoice = Literal[
    "auto", "torch-float32", "torch-bfloat16", "openvino-float32", "openvino-bfloat16", "openvino-int8"
]

KeylessSearch = Literal["local", "anyone", "nobody"]

_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class Settings(BaseSettings):
    """Lookalike's settings; each is read from the environment as LOOKALIKE_<NAME>."""

    # Values stay out of pydantic's messages, which reach the log as the causes of ours: some are secret.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(Path("lookalike-data"), description="Folder that holds everything Lookalike writes.")
    database_url: SecretStr | None = Field(
        None,
        description="SQLAlchemy address of the catalogue (postgresql+psycopg://…); empty: SQLite in the data folder.",
    )

    network: str = Field(
        "auto",
        description="For a first index: auto, vgg16 (:fc6, :conv5), vgg19, efficientnet_lite0, timm:NAME or a+b.",
    )
    runtime: RuntimeChoice = Field("auto", description="What executes the network; auto takes the fastest that agrees.")
    vgg16_weights: Path | None = Field(None, description="File with VGG16 weights (.pth or .safetensors).")
    vgg19_weights: Path | None = Field(None, description="File with VGG19 weights (.pth or .safetensors).")
    weights_dir: Path | None = Field(None, description="Folder of weights files; empty: weights/ in the data folder.")
    threads: int = Field(0, ge=0, le=512, description="CPU threads for the network and FAISS; 0: one a core.")
    download_timeout_s: float = Field(1800, gt=0, description="Seconds that one weights download may take in all.")

    host: str = Field("127.0.0.1", description="Address that the service listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the service listens on.")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="Port for Prometheus metrics; empty: none.")
    admin_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="A key of scope admin (16 characters or more) beside those of `lookalike keys`; empty: none.",
    )
    keyless_search: KeylessSearch = Field(
        "local",
        description="Who may search without a key: local (programs and pages of this machine, while the service "
        "listens to it alone), anyone or nobody.",
    )
    rate_per_minute: int = Field(
        60,
        ge=0,
        description="Searches a minute for one address that is not this machine and has no secret key; 0: no limit.",
    )

    max_upload_bytes: int = Field(10 * MIB, ge=1024, description="Bytes that one request body may have.")
    max_image_pixels: int = Field(25_000_000, ge=256, description="Pixels that a decoded PNG or WebP may have.")
    max_jpeg_pixels: int = Field(50_000_000, ge=256, description="Pixels that a JPEG may have (it is decoded reduced).")
    decode_workers: int = Field(0, ge=0, le=64, description="Child processes that decode images; 0: one a core.")
    decode_timeout_s: float = Field(3.0, gt=0, description="Seconds after which a decoding child is killed.")
    queue_size: int = Field(64, ge=1, description="Photos that may wait for the network; more are answered 503.")
    receive_timeout_s: float = Field(15.0, gt=0, description="Seconds that a request body may take to arrive.")
    shutdown_timeout_s: float = Field(20.0, gt=0, description="Seconds to finish accepted requests when stopping.")

    events_kept_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days that it is kept what shoppers chose (POST /events); 0: nothing is taken, nothing is kept.",
    )

    fetch_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="The only hosts to fetch pictures and feeds from, separated by commas (cdn.shop.example, "
        "*.shop.example); empty: every public host.",
    )
    fetch_trusted: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Servers to fetch from although they are private, not https or on another port than 443, separated "
        "by commas (http://images.lan:8080).",
    )

    source: str | None = Field(
        None, description="Folder or feed that a reindex imports first; empty: only the catalogue is looked through."
    )
    source_map: Annotated[dict[str, str], NoDecode] = Field(
        {}, description='What columns of that feed are, as JSON: {"sku": "id"}; as with --map of `lookalike index`.'
    )
    max_unfetched_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of the pictures that may fail to be fetched; with more, no new index replaces the old one.",
    )
    gate_precision: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Least share of the first ten hits in the picture's category; a new index below it is not "
        "published. Empty: any.",
    )
    gate_product_recall: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Least share of pictures that find their own product among ten hits; a new index below it is not "
        "published. Empty: any.",
    )
    gate_drop: float | None = Field(
        None,
        ge=0,
        le=1,
        description="By how much these two shares of a new index may be below those of the live one. Empty: by any.",
    )
    snapshots_kept: int = Field(3, ge=2, description="Snapshots kept on disk, the live one included.")
    reindex_schedule: str | None = Field(
        None,
        description="When the worker builds the index anew, in cron's form and local time (0 3 * * *); empty: never.",
    )

    @field_validator("data_dir")
    @classmethod
    def _is_no_file(cls, value: Path) -> Path:
        if value.is_file():
            raise InvalidSetting(f"LOOKALIKE_DATA_DIR (--data-dir) is {value}, which is a file and not a folder.")
        return value

    @field_validator("fetch_hosts", "fetch_trusted", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(value.lower().replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("source_map", mode="before")
    @classmethod
    def _reads_json(cls, value: object) -> object:
        try:
            read = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            read = None
        if not isinstance(read, dict) or not all(isinstance(field, str) for field in read.values()):
            raise ValueError('it is no JSON object of texts, such as {"sku": "id"}')
        return read

    @field_validator("fetch_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is not a host such as cdn.shop.example or *.shop.example")
        return value

    @field_validator("fetch_trusted")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not a server such as http://images.lan:8080")
        return value

    @model_validator(mode="after")
    def _has_two_ports(self) -> Self:
        if self.metrics_port == self.port:
            raise InvalidSetting(
                f"LOOKALIKE_METRICS_PORT is {self.port}, the port of the service itself (LOOKALIKE_PORT, --port); "
                "choose another one."
            )
        return self

    @property
    def listens_locally(self) -> bool:
        """Whether only this machine can reach the service, unless a proxy hands on what others ask."""
        return is_this_machine(self.host)

    @property
    def resolved_database_url(self) -> str:
        """The database address, with its password; by default that of a SQLite file inside the data folder."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite:///{quote(str(self.data_dir.absolute() / 'catalogue.db'))}"

    @property
    def resolved_weights_dir(self) -> Path:
        """The folder that weights are looked for and downloaded into."""
        return self.weights_dir or self.data_dir / "weights"

    @property
    def snapshots_dir(self) -> Path:
        """The folder of snapshots, with `CURRENT` in it."""
        return self.data_dir / "snapshots"

    @property
    def vectors_dir(self) -> Path:
        """The folder of the append-only vector store."""
        return self.data_dir / "vectors"

    @property
    def regions_dir(self) -> Path:
        """The folder of codes of pictures' regions."""
        return self.data_dir / "regions"

    @property
    def signatures_dir(self) -> Path:
        """The folder of signatures, by which the very picture is told from one that looks like it."""
        return self.data_dir / "signatures"

    @property
    def pictures_dir(self) -> Path:
        """The folder of pictures that came without a file of the shop: uploads and downloads."""
        return self.data_dir / "pictures"

    @property
    def heads_dir(self) -> Path:
        """The folder of what `lookalike train` learned about categories, a file for each network."""
        return self.data_dir / "heads"

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """
        Return the settings of the environment, with those overrides that are not None.

        Raises:
            InvalidSetting: A value is out of range or of the wrong kind; the message names the setting.
        """
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            raise InvalidSetting(explained(error, cls, PREFIX)) from error
