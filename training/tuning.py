"""How a transformer is tuned; apart from the tuning itself, so that the program can read settings without loading torch."""

from pydantic import BaseModel, ConfigDict, Field


class TransformerConfig(BaseModel):
    """How the encoder is tuned; rates are AdamW's."""

    model_config = ConfigDict(extra="forbid")

    base: str = Field(
        default="models/multilingual-e5-small-zh", description="the checkpoint, below the shared directory"
    )
    prefix: str = Field(default="passage: ", description="what the checkpoint expects before a text")
    frozen_layers: int = Field(default=6, ge=0, description="lowest layers that do not learn")
    adapt_epochs: int = Field(default=0, ge=0, description="epochs of masked language modelling before")
    adapt_rate: float = 1e-4
    folds: int = Field(default=3, ge=2, description="readers of parts, from which the second stage learns to weigh")
    epochs: int = Field(default=6, ge=1)
    patience: int = Field(default=0, ge=0, description="stop after so many epochs without gain; 0: never")
    batch: int = Field(default=16, ge=1)
    accumulate: int = Field(default=1, ge=1, description="batches to a step")
    rate: float = 1.5e-4
    head_rate: float = 1e-3
    layer_decay: float = 0.95
    warm_up: float = 0.1
    hidden_tokens: float = Field(default=0.12, ge=0, lt=1)
    head_tokens: int = 192
    tail_tokens: int = 62
    smoothing: float = 0.05
    ordinal: float = 0.5
    balance: float = Field(default=0.3, description="power of a class's rareness in its weight")
    factor_weight: float = 2.0
    averaging: float = 0.998
    keep_every: int = Field(default=200, ge=1, description="steps between two notes of where the training stands")
    seed: int = 7
