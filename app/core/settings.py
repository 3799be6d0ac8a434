"""
Every setting, in one place: name, default, unit and one line of help.

Built once (by `lookalike` or by `create_app`) and passed on; nothing reads the environment elsewhere.
"""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.errors import InvalidSetting

MIB = 1024 * 1024

RuntimeChoice = Literal["auto", "torch-float32", "torch-bfloat16", "openvino-float32", "openvino-bfloat16"]


class Settings(BaseSettings):
    """Lookalike's settings; each is read from the environment as LOOKALIKE_<NAME>."""

    # Values stay out of pydantic's messages, which reach the log as the causes of ours: some are secret.
    model_config = SettingsConfigDict(env_prefix="LOOKALIKE_", frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Field(Path("lookalike-data"), description="Folder that holds everything Lookalike writes.")
    database_url: SecretStr | None = Field(
        None,
        description="SQLAlchemy address of the catalogue (postgresql+psycopg://…); empty: SQLite in the data folder.",
    )

    network: str = Field(
        "auto",
        description="Network for a first index: auto, vgg16, vgg16:fc6, vgg19, efficientnet_lite0, timm:NAME, or a+b.",
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
        description="Key (16 characters or more) for requests that change something; empty: none do.",
    )
    rate_per_minute: int = Field(
        60, ge=0, description="Searches a minute for one address that is not this machine; 0: no limit."
    )

    max_upload_bytes: int = Field(10 * MIB, ge=1024, description="Bytes that one request body may have.")
    max_image_pixels: int = Field(25_000_000, ge=256, description="Pixels that a decoded PNG or WebP may have.")
    max_jpeg_pixels: int = Field(50_000_000, ge=256, description="Pixels that a JPEG may have (it is decoded reduced).")
    decode_workers: int = Field(0, ge=0, le=64, description="Child processes that decode images; 0: one a core.")
    decode_timeout_s: float = Field(3.0, gt=0, description="Seconds after which a decoding child is killed.")
    queue_size: int = Field(64, ge=1, description="Photos that may wait for the network; more are answered 503.")
    receive_timeout_s: float = Field(15.0, gt=0, description="Seconds that a request body may take to arrive.")
    shutdown_timeout_s: float = Field(20.0, gt=0, description="Seconds to finish accepted requests when stopping.")

    snapshots_kept: int = Field(3, ge=2, description="Snapshots kept on disk, the live one included.")

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
            first = error.errors()[0]
            name = "LOOKALIKE_" + "_".join(str(part) for part in first["loc"]).upper()
            raise InvalidSetting(f"{name}: {first['msg']}.") from error
