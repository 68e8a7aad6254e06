"""Every setting in one flat list; each comes from the environment as `YANPAN_<NAME>`."""

from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Typed settings with the defaults that `make run` uses."""

    model_config = SettingsConfigDict(env_prefix="YANPAN_", extra="ignore")

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
    model: Path | None = Field(default=None, description="model package directory; the built-in one when absent")
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


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
