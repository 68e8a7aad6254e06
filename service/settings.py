"""Every setting in one flat list; each comes as `YANPAN_<NAME>` from the environment or the home's `settings.env`."""

from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Typed settings with the defaults that `make run` uses."""

    model_config = SettingsConfigDict(env_prefix="YANPAN_", extra="ignore", populate_by_name=True)

    home: Path = Field(default=Path(".yanpan"), description="directory that holds database, keys, settings, models")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on")
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("YANPAN_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL with pgvector; the embedded one when absent",
    )
    encryption_key: SecretStr | None = Field(
        default=None, description="base64 of 32 bytes for the original texts; made in the home when absent"
    )
    model: str | None = Field(
        default=None,
        description="accurate, fast or a model package directory; when absent the one put in use, at first fast",
    )
    encoder: str | None = Field(
        default=None, description="sentence-transformers directory or hub id; the built-in static encoder when absent"
    )
    cors_origins: list[str] = Field(default_factory=list, description="origins that browsers may call from")
    rate_per_minute: int = Field(default=6000, ge=1, description="requests per key and minute")
    worker_concurrency: int = Field(
        default=2, ge=0, le=32, description="in-process job slots; 0 leaves jobs to workers"
    )
    pool_size: int = Field(default=16, ge=1, le=200, description="database connections per process")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")

    encryption_keys_old: list[SecretStr] = Field(
        default_factory=list, description="JSON list of former encryption keys, base64; read with, never written with"
    )
    key_pepper: SecretStr | None = Field(
        default=None, description="base64 of 32 bytes under which API keys are kept; made in the home when absent"
    )
    pseudonym_key: SecretStr | None = Field(
        default=None, description="base64 of 32 bytes that turns users into pseudonyms; made in the home when absent"
    )
    digest_key: SecretStr | None = Field(
        default=None, description="base64 of 32 bytes that tells changed texts; made in the home when absent"
    )
    stalled_after_seconds: float = Field(
        default=30.0, ge=3, description="jobs of a worker that was silent for so long are taken over by others"
    )
    import_processes: int = Field(default=2, ge=1, le=64, description="processes that read texts during an import")
    key_memory_seconds: float = Field(
        default=3.0, ge=0, le=60, description="a key revoked by another process ends within so many seconds"
    )
    metrics_open: bool = Field(default=False, description="whether /metrics answers without a key")
    stream_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="how often event streams look for new events"
    )


@cache
def settings() -> Settings:
    """The settings of this process, read once: the environment first, then `settings.env` in the home."""
    file = Settings().home.expanduser() / "settings.env"
    return Settings(_env_file=file)
