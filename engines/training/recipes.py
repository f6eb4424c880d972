"""Recipes: everything that decides what a training run comes to, in a TOML file.

What must be equal between adapters, so that only the integration differs, stands in one shared file
(``resources/recipes/fairness.toml``); a recipe that names it may not set the same things itself.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, field_validator, model_validator

from engines.errors import RecipeInvalid
from engines.weights.cards import ENCODER_LAYERS

Kind = Literal[
    "trunk", "convolution", "ctc", "qformer", "pooling", "correction", "experts", "codec", "units", "vocoder", "tokens",
    "acoustic", "stage-two", "duplex",
]  # fmt: skip
StageName = Literal["ctc", "matching", "llm", "codec", "vocoder", "stage-two", "duplex"]


TRUNK: Final = "trunk"
"""The trunk that adapters read where their recipe names no other."""
ADAPTERS: Final = ("convolution", "pooling", "qformer", "ctc")
"""Kinds that read a trunk."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(_Part):
    """What is trained on.

    Attributes:
        corpora: names of folders under the training data.
        repeat: how often a corpus is gone through per epoch, where that is not once.
        languages: spoken languages that are used.
        translate: spoken languages whose English translations are trained too.
        shortest: clips shorter than this many seconds are left out.
        longest: clips longer than this many seconds are left out.
        development: clips per language that the development error rate is measured on.
    """

    corpora: tuple[str, ...] = Field(min_length=1)
    repeat: dict[str, int] = Field(default_factory=dict)
    languages: tuple[str, ...] = ("en",)
    translate: tuple[str, ...] = ()
    shortest: float = Field(default=0.2, ge=0)
    longest: float = Field(default=20.0, gt=0, le=30)
    development: int = Field(default=60, ge=1)


class Stage(_Part):
    """One stage of training.

    Attributes:
        name: ``ctc``; ``matching`` (adapted vectors against embeddings of the pieces heard, the language model is not
            run); ``llm`` (cross-entropy of the text through the language model); ``codec``; ``vocoder``;
            ``stage-two``; ``duplex``.
        steps: optimiser steps.
        batch_seconds: speech per step, padding included.
        learning_rate: the highest; it rises linearly, then falls linearly to a twentieth.
        warmup: steps in which it rises.
        evaluate_every: steps between measurements on the development clips; a checkpoint is written each time.
        patience: measurements without a better one after which the stage is over.
    """

    name: StageName
    steps: int = Field(ge=1)
    batch_seconds: float = Field(default=56.0, gt=0)
    learning_rate: float = Field(gt=0, lt=1)
    warmup: int = Field(default=100, ge=0)
    evaluate_every: int = Field(default=250, ge=1)
    patience: int = Field(default=8, ge=1)


class Lora(_Part):
    """Low-rank adaptation of the language model (arXiv 2106.09685)."""

    rank: int = Field(default=8, ge=1, le=256)
    alpha: float = Field(default=16.0, gt=0)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Budget(_Part):
    """How many parameters an adapter may train, the trunk and the LoRA aside, which are the same for all."""

    adapter_parameters: int = Field(gt=0)
    tolerance: float = Field(default=0.05, ge=0, lt=1)


class Network(_Part):
    """Sizes; those that a kind does not have are left alone.

    Attributes:
        width: of the trunk.
        layers: of the trunk, or of the Q-Former.
        heads: attention heads of either.
        inner: width of feed-forward parts, or of an adapter's hidden layer.
        kernel: of the trunk's depthwise convolutions.
        dropout: in training.
        stack: frames of 25 Hz that one vector stands for (convolution, pooling).
        strided: convolution with a stride in place of stacking.
        window: frames of 25 Hz that a Q-Former sees at once.
        queries: per window.
    """

    width: int = Field(default=384, ge=16, le=4096)
    layers: int = Field(default=3, ge=1, le=48)
    heads: int = Field(default=6, ge=1, le=64)
    inner: int = Field(default=1536, ge=1, le=16384)
    kernel: int = Field(default=9, ge=1, le=63)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    stack: int = Field(default=2, ge=1, le=16)
    strided: bool = False
    window: int = Field(default=8, ge=1, le=750)
    queries: int = Field(default=2, ge=1, le=64)

    @model_validator(mode="after")
    def _whole(self) -> Network:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(f"width {self.width} cannot be shared by {self.heads} heads of even width")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} must be odd")
        return self


class Encoder(_Part):
    """How much of the speech encoder is trained along with the trunk.

    Attributes:
        tuned_layers: the last so many transformer layers, with the norm behind them; 0 leaves the encoder frozen, 6
            tunes all. The convolutions and positions before them stay as they are.
        learning_rate_scale: what the stage's learning rate is multiplied with for them.
    """

    tuned_layers: StrictInt = 0
    learning_rate_scale: float = Field(default=0.1, gt=0, le=1)

    @field_validator("tuned_layers")
    @classmethod
    def _there_are_as_many(cls, value: int) -> int:
        if not 0 <= value <= ENCODER_LAYERS:
            raise ValueError(f"the encoder has {ENCODER_LAYERS} layers, so that {value} of them cannot be tuned")
        return value


class Recipe(_Part):
    """A training run.

    Attributes:
        id: name of the run and of the folder of its weights.
        kind: what is trained.
        seed: of everything random.
        fairness: the shared file, beside the recipe, that gives ``data``, ``stages``, ``lora`` and ``budget``.
        data: what is trained on.
        network: sizes.
        stages: in order; units have none.
        lora: of the language model.
        budget: of the adapter.
        encoder: how much of it is trained; of a trunk's recipe, adapters read the encoder as their trunk left it.
        trunk: id of the trunk that an adapter reads.
        options: further settings of a kind, checked by it.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    kind: Kind
    seed: int = 1
    fairness: str | None = None
    data: Data
    network: Network = Network()
    stages: tuple[Stage, ...] = ()
    lora: Lora = Lora()
    budget: Budget | None = None
    encoder: Encoder = Encoder()
    trunk: str = Field(default=TRUNK, pattern=r"^[a-z][a-z0-9-]*$")
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _staged(self) -> Recipe:
        if not self.stages and self.kind != "units":
            raise ValueError("stages are missing")
        return self

    @model_validator(mode="after")
    def _goes_with_its_kind(self) -> Recipe:
        if self.encoder.tuned_layers and self.kind != "trunk":
            why = "reads the encoder as its trunk left it" if self.kind in ADAPTERS else "trains no trunk on it"
            raise ValueError(f"encoder.tuned_layers belongs in the recipe of a trunk; {self.kind} {why}")
        if self.trunk != TRUNK and self.kind not in ADAPTERS:
            raise ValueError(f"trunk names what an adapter reads; {self.kind} reads none")
        return self

    @property
    def digest(self) -> str:
        """Hex sha256 of all that it says; a frozen encoder and the usual trunk say nothing."""
        said = self.model_dump(mode="json")
        if not self.encoder.tuned_layers:
            del said["encoder"]
        if self.trunk == TRUNK:
            del said["trunk"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read(path: Path, overlay: Path | None = None) -> Recipe:
    """Reads a recipe, the file of what must be equal with it.

    Args:
        path: of the recipe.
        overlay: a further file, for example for a larger machine: ``[all]`` and a table per recipe id, whose values
            replace those of the recipe.

    Raises:
        RecipeInvalid: a file is missing, is no TOML, has unknown keys or impossible sizes.
    """
    raw = _toml(path)
    if isinstance(raw.get("fairness"), str):
        shared = _toml(path.parent / raw["fairness"])
        double = sorted(set(raw) & set(shared))
        if double:
            raise RecipeInvalid(
                f"The recipe {path.name} sets {', '.join(double)}, which {raw['fairness']} sets for all.",
                "Take it out of the recipe, so that adapters are compared on equal terms.",
            )
        raw = {**raw, **shared}
    if overlay is not None:
        changes = _toml(overlay)
        for part in ("all", str(raw.get("kind")), str(raw.get("id"))):
            raw = _merged(raw, changes.get(part, {}))
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the recipe"
        what = first["msg"].removeprefix("Value error, ")
        raise RecipeInvalid(
            f"The recipe {path.name} is invalid at {place}: {what[:1].lower()}{what[1:]}.",
            "Correct it; resources/recipes has examples.",
        ) from error


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables are merged; stages are matched by their name; everything else is replaced."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if key == "stages" and isinstance(old, list):
            changes = {stage.get("name"): stage for stage in value}
            result[key] = [{**stage, **changes.get(stage.get("name"), {})} for stage in old]
        elif isinstance(value, dict) and isinstance(old, dict):
            result[key] = _merged(old, value)
        else:
            result[key] = value
    return result


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeInvalid(
            f"The recipe {path} cannot be read.", "Give the path of a TOML file such as those in resources/recipes."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeInvalid(f"The recipe {path.name} is no valid TOML: {error}.", "Correct it.") from error
