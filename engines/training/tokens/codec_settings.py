"""What a recipe of the codec says under ``[options]``."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engines.errors import RecipeInvalid
from engines.training.recipes import Recipe

RATIOS = (8, 5, 4, 2)
"""By which the decoder raises the rate: 320 samples per frame."""
HOP = math.prod(RATIOS)


class CodecSettings(BaseModel):
    """Sizes of the codec and how it is trained.

    Attributes:
        network: SEANet as in EnCodec, on samples; or blocks of ConvNeXt between short-time spectra.
        filters: of SEANet, channels at the full rate, which double with every change of the rate; of the other, an
            eighth of the width.
        hidden: width of the latent that is quantised.
        blocks: residual blocks per rate, or sixths of the blocks of the decoder.
        books: codebooks.
        codes: entries of each, a power of two.
        crop_seconds: length of the pieces that are trained on.
        free_steps: steps without quantisation, behind which the codebooks are set by k-means.
        averaging: decay of the codebooks' running averages per step.
        revive: a code that is used less often than this share of the average is set anew.
        spectral: weight of the distance of mel spectra, mean of all resolutions, in nats.
        convergence: weight of the distance of linear spectra, over the norm of the speech's own.
        waveform: weight of the L1 distance of samples, over the mean of the speech's own.
        commitment: weight of the squared distance to the codes, over the latent's variance.
        adversary: whether discriminators of complex spectra are trained against the codec.
        adversary_from: step from which they are.
        adversary_rate: their learning rate.
        adversarial: weight of what they say.
        features: weight of the distance of their features.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["seanet", "spectral"] = "seanet"
    filters: int = Field(default=24, ge=2, le=128)
    hidden: int = Field(default=64, ge=2, le=512)
    blocks: int = Field(default=1, ge=1, le=4)
    books: int = Field(default=8, ge=1, le=32)
    codes: int = Field(default=1024, ge=2, le=65536)
    crop_seconds: float = Field(default=1.0, ge=0.2, le=10)
    free_steps: int = Field(default=300, ge=0)
    averaging: float = Field(default=0.99, gt=0, lt=1)
    revive: float = Field(default=0.1, ge=0, lt=1)
    spectral: float = Field(default=1.0, ge=0)
    convergence: float = Field(default=0.5, ge=0)
    waveform: float = Field(default=0.1, ge=0)
    commitment: float = Field(default=0.25, ge=0)
    adversary: bool = False
    adversary_from: int = Field(default=2000, ge=0)
    adversary_rate: float = Field(default=3e-4, gt=0, lt=1)
    adversarial: float = Field(default=0.1, ge=0)
    features: float = Field(default=0.2, ge=0)

    @model_validator(mode="after")
    def _is_possible(self) -> CodecSettings:
        if self.codes & (self.codes - 1):
            raise ValueError(f"{self.codes} codes are no power of two")
        if self.adversary and self.adversary_from < self.free_steps:
            raise ValueError("an adversary comes after the codebooks")
        return self

    @property
    def crop(self) -> int:
        """Samples of a piece: whole frames."""
        return max(1, round(self.crop_seconds * 16_000 / HOP)) * HOP


def settings_of(recipe: Recipe) -> CodecSettings:
    """The settings of a recipe.

    Raises:
        RecipeInvalid: they are impossible, or the recipe's stages are not those of a codec.
    """
    try:
        settings = CodecSettings.model_validate(recipe.options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["options", *map(str, first["loc"])])
        raise RecipeInvalid(
            f"The recipe {recipe.id} is invalid at {place}: {first['msg'].lower()}.", "Correct it under [options]."
        ) from error
    if [stage.name for stage in recipe.stages] != ["codec"]:
        raise RecipeInvalid(f"The recipe {recipe.id} has other stages than a codec.", "Give it one stage, codec.")
    if recipe.stages[0].evaluate_every <= settings.free_steps:
        raise RecipeInvalid(
            f"The recipe {recipe.id} measures after {recipe.stages[0].evaluate_every} steps, before there are "
            f"codebooks ({settings.free_steps}).",
            "Raise evaluate_every, or lower options.free_steps.",
        )
    return settings
