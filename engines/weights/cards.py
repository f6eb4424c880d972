"""Trained adapters: where they are, and the card that says what each was made of and what it fits.

Every adapter is a folder under :func:`engines.paths.adapters` with a ``card.toml``. A card that does not fit the
encoder, the trunk or the language model in use is refused with a sentence: on top of other weights than those it was
trained on an adapter writes nonsense without any sign of it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engines import paths
from engines.errors import AdapterMismatch, AdapterMissing
from engines.weights import graphs

Kind = Literal[
    "trunk", "convolution", "ctc", "qformer", "pooling", "correction", "experts", "codec", "units", "vocoder", "tokens",
    "acoustic", "stage-two", "duplex",
]  # fmt: skip

FILES: Mapping[str, tuple[str, ...]] = {
    "trunk": ("trunk.onnx", "pieces.json"),
    "convolution": ("adapter.onnx", "lora.onnx_adapter"),
    "ctc": ("adapter.onnx", "lora.onnx_adapter"),
    "qformer": ("adapter.onnx", "lora.onnx_adapter"),
    "pooling": ("adapter.onnx", "lora.onnx_adapter"),
    "correction": ("lora.onnx_adapter",),
    "experts": ("router.npz",),
    "units": ("codebook.safetensors",),
    "codec": ("encoder.onnx", "decoder.onnx"),
    "vocoder": ("latents.onnx", "durations.onnx"),
    "tokens": ("table.safetensors", "pieces.json", "lora.onnx_adapter"),
    "acoustic": ("reader.onnx", "table.safetensors", "pieces.json", "lora.onnx_adapter"),
    "stage-two": ("stage_two.onnx",),
    "duplex": ("temporal.onnx", "depth.onnx", "pieces.json"),
}
"""What lies beside the card, by kind."""

CARD = "card.toml"

ENCODER_LAYERS = 6
"""Of Whisper base."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shape(_Part):
    """How an adapter shortens.

    Attributes:
        frames_per_vector: frames of 25 Hz per vector; 0 where they differ (CTC compression).
        window: frames of 25 Hz that a Q-Former sees at once; 0 for others.
        queries: vectors per window; 0 for others.
    """

    frames_per_vector: int = Field(default=0, ge=0)
    window: int = Field(default=0, ge=0)
    queries: int = Field(default=0, ge=0)


class Units(_Part):
    """What units are clusters of.

    Attributes:
        source: ``encoder``: states of a layer of the speech encoder; ``trunk``: the trunk's states; or the name of a
            self-supervised encoder's checkpoint.
        layer: of the encoder, from 1; 0 stands for what it gives in the end.
        size: number of units.
        frame_seconds: seconds per unit.
    """

    source: str = "trunk"
    layer: int = Field(default=0, ge=0)
    size: int = Field(ge=2)
    frame_seconds: float = Field(gt=0)


class Parameters(_Part):
    """How many parameters were trained."""

    adapter: int = Field(default=0, ge=0)
    lora: int = Field(default=0, ge=0)
    trunk: int = Field(default=0, ge=0)
    encoder: int = Field(default=0, ge=0)
    codec: int = Field(default=0, ge=0)
    vocoder: int = Field(default=0, ge=0)
    stage_two: int = Field(default=0, ge=0)
    duplex: int = Field(default=0, ge=0)


class CodecShape(_Part):
    """What a codec's tokens are like, and how far its graphs look back.

    Attributes:
        rate: samples per second.
        hop: samples per frame.
        books: codebooks.
        codes: entries of each.
        encoder_frames: frames before a frame that its codes depend on.
        encoder_later: frames behind it that they depend on.
        decoder_frames: frames before a frame that its samples depend on.
    """

    rate: int = Field(default=16_000, gt=0)
    hop: int = Field(gt=0)
    books: int = Field(gt=0, le=64)
    codes: int = Field(gt=1, le=65536)
    encoder_frames: int = Field(ge=0)
    encoder_later: int = Field(default=0, ge=0)
    decoder_frames: int = Field(ge=0)


class VocoderShape(_Part):
    """What a vocoder speaks, and through what.

    Attributes:
        units: entries of its table.
        codebook: hex sha256 of the file that defines the units.
        decoder: model id of the voice whose decoder it drives.
        decoder_graph: see :func:`encoder_graph`.
        reach: frames of units on either side that a latent depends on.
        fine_reach: latents on either side that a latent depends on.
        duration_reach: runs of units on either side that a duration depends on.
    """

    units: int = Field(ge=2)
    codebook: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    decoder: str
    decoder_graph: str
    reach: int = Field(ge=0, le=1000)
    fine_reach: int = Field(ge=0, le=1000)
    duration_reach: int = Field(ge=0, le=1000)


class CodesRead(_Part):
    """How codes reach a language model.

    Attributes:
        books: the first so many codebooks are read.
        codes: entries of each.
        stack: frames that one place of the language model stands for.
        frame_seconds: seconds per frame.
    """

    books: int = Field(gt=0, le=64)
    codes: int = Field(gt=1, le=65536)
    stack: int = Field(gt=0, le=16)
    frame_seconds: float = Field(gt=0)


class StageTwoShape(_Part):
    """What stage two makes codes of, and which codes.

    Attributes:
        tokens: id of the model of tokens that writes the units; it was not trained with it.
        units: entries of the table of units.
        codebook: hex sha256 of the file that defines the units.
        codec: hex sha256 of the codec's files, see :func:`codec_digest`.
        books: codebooks.
        codes: entries of each.
        layers: of the network.
        width: of its states.
        prompt_seconds: the longest prompt that it was trained with.
        window_seconds: the longest piece that it was trained with.
    """

    tokens: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    units: int = Field(ge=2)
    codebook: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    codec: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    books: int = Field(gt=0, le=64)
    codes: int = Field(gt=1, le=65536)
    layers: int = Field(gt=0, le=96)
    width: int = Field(gt=0, le=4096)
    prompt_seconds: float = Field(gt=0, le=30)
    window_seconds: float = Field(gt=0, le=30)


class DuplexShape(_Part):
    """What a model that listens and speaks at once reads and writes in a frame, and what it remembers.

    Attributes:
        codec: hex sha256 of the codec's files, see :func:`codec_digest`.
        books: the first so many codebooks are heard and spoken.
        codes: entries of each.
        stack: codec frames in a frame.
        frame_seconds: seconds per frame.
        pieces: of text, padding aside.
        window: frames before a frame that every layer looks back on.
        layers: of the Temporal Transformer.
        width: of its states.
        depth_layers: of the Depth Transformer.
        depth_width: of its states.
        delay: frames by which what is spoken follows what is heard, as it was trained.
    """

    codec: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    books: int = Field(gt=0, le=64)
    codes: int = Field(gt=1, le=65536)
    stack: int = Field(gt=0, le=16)
    frame_seconds: float = Field(gt=0, le=1)
    pieces: int = Field(gt=0)
    window: int = Field(gt=0, le=10_000)
    layers: int = Field(gt=0, le=96)
    width: int = Field(gt=0, le=4096)
    depth_layers: int = Field(gt=0, le=96)
    depth_width: int = Field(gt=0, le=4096)
    delay: int = Field(ge=0, le=1000)


class RecipeOrigin(_Part):
    """The recipe it was trained by: its name, and the digest of all that it says."""

    name: str
    digest: str


class DataOrigin(_Part):
    """What it was trained on: hours of speech (0 for text alone), and where they come from."""

    hours: float = Field(default=0.0, ge=0)
    sources: tuple[str, ...] = ()


class AdapterCard(_Part):
    """What an adapter is, was trained on and fits.

    Attributes:
        format: of the card.
        id: the folder's name.
        kind: what it is.
        name: for people.
        encoder: model id of the speech encoder; empty where speech is not read.
        encoder_graph: see :func:`encoder_graph`; empty where speech is not read.
        language_model: model id of the language model; empty for the trunk.
        vocabulary: of the language model's graph.
        width: of the language model; for the trunk the width of its states.
        trunk: hex sha256 of the ``trunk.onnx`` that it continues; empty where there is none.
        tokeniser: of a model of tokens: hex sha256 of the file of the tokeniser whose units it reads and writes.
        trunk_id: id of that trunk.
        tuned_layers: of a trunk: how many of the encoder's last layers were trained with it and lie beside it.
        encoder_digest: of a trunk with tuned layers: hex sha256 of their files, see :func:`encoder_files`.
        languages: ISO 639-1 codes of the languages that it transcribes.
        tasks: of correction and experts: which lists they were trained on, ``transcribe`` or ``translate``.
        experts: names of a mixture's experts, in the router's order.
        translates: ISO 639-1 codes of the languages that it translates to English.
        adapter: how it shortens.
        codec: of a codec, what its tokens are like.
        units: of a codebook of units, or of the one that a model of tokens was trained on: what they are clusters of.
        vocoder: of a vocoder: what it speaks, and through what.
        codes: of a model that reads codes: how.
        stage_two: of stage two: what it makes codes of.
        duplex: of a model that listens and speaks at once: what it reads and writes.
        parameters: how many were trained.
        recipe: what it was trained by.
        data: what it was trained on.
        seed: of everything random in training.
        steps: optimiser steps.
        minutes: that training took.
        metrics: name → value, as measured when training ended.
        licence: of the weights, in a sentence.
        notes: sentences for people.
    """

    format: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    kind: Kind
    name: str
    encoder: str = ""
    encoder_graph: str = ""
    language_model: str = ""
    vocabulary: int = Field(default=0, ge=0)
    width: int = Field(default=0, ge=0)
    trunk: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    tokeniser: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    trunk_id: str = Field(default="trunk", pattern=r"^[a-z][a-z0-9-]*$")
    tuned_layers: int = Field(default=0, ge=0, le=ENCODER_LAYERS)
    encoder_digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    languages: tuple[str, ...] = ()
    translates: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    experts: tuple[str, ...] = ()
    seed: int = 0
    steps: int = Field(default=0, ge=0)
    minutes: float = Field(default=0.0, ge=0)
    licence: str = ""
    notes: tuple[str, ...] = ()
    adapter: Shape = Shape()
    units: Units | None = None
    codec: CodecShape | None = None
    vocoder: VocoderShape | None = None
    codes: CodesRead | None = None
    stage_two: StageTwoShape | None = None
    duplex: DuplexShape | None = None
    parameters: Parameters = Parameters()
    recipe: RecipeOrigin | None = None
    data: DataOrigin = DataOrigin()
    metrics: Mapping[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_complete(self) -> AdapterCard:
        if self.kind in {"convolution", "ctc", "qformer", "pooling"} and not (self.languages and self.trunk):
            raise ValueError("an adapter for speech names its languages and its trunk")
        if self.kind == "units" and self.units is None:
            raise ValueError("a codebook of units says what they are clusters of")
        for kind, what, told in (
            ("codec", self.codec, "a codec, and nothing else, says what its tokens are like"),
            ("vocoder", self.vocoder, "a vocoder, and nothing else, says what it speaks"),
            ("acoustic", self.codes, "a model that reads codes, and nothing else, says how"),
            ("stage-two", self.stage_two, "stage two, and nothing else, says what it makes codes of"),
            ("duplex", self.duplex, "what listens and speaks at once, and nothing else, says what it reads and writes"),
        ):
            if (self.kind == kind) != (what is not None):
                raise ValueError(told)
        if self.kind == "tokens" and not (self.languages and self.tokeniser and self.units):
            raise ValueError("a model of tokens names its languages, its tokeniser and how many units there are")
        if self.kind == "acoustic" and not (self.languages and self.tokeniser):
            raise ValueError("a model that reads codes names its languages and its codec")
        if (self.tuned_layers > 0) != bool(self.encoder_digest) or (self.tuned_layers and self.kind != "trunk"):
            raise ValueError("a trunk with tuned layers names how many and their digest, anything else neither")
        return self

    def write(self, folder: Path) -> None:
        """Writes ``card.toml`` into a folder."""
        plain: list[str] = []
        tables: list[str] = []
        for key, value in self.model_dump(mode="json", exclude_none=True).items():
            if isinstance(value, dict):
                rows = [f"{json.dumps(k)} = {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()]
                tables.append("\n".join([f"[{key}]", *rows]))
            else:
                plain.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        (folder / CARD).write_text("\n\n".join(["\n".join(plain), *tables]) + "\n", encoding="utf-8")

    # --- does it fit? ---

    def check_encoder(self, model_id: str, graph: str) -> None:
        """Checks the speech encoder in use.

        Args:
            model_id: of the encoder.
            graph: see :func:`encoder_graph`.

        Raises:
            AdapterMismatch: it is another one.
        """
        if self.encoder != model_id:
            raise self._mismatch(f"for the encoder {self.encoder or 'of nobody'}, not for {model_id}")
        if self.encoder_graph != graph:
            raise self._mismatch(f"on another version of the graph of {model_id} ({self.encoder_graph}, here {graph})")

    def check_trunk(self, digest: str) -> None:
        """Checks the trunk in use by the sha256 of its file.

        Raises:
            AdapterMismatch: it is another one.
        """
        if self.trunk != digest:
            raise self._mismatch(f"on another trunk ({self.trunk[:12] or 'none'}, here {digest[:12]})")

    def check_tokeniser(self, digest: str) -> None:
        """Checks the tokeniser in use by the sha256 of its file.

        Raises:
            AdapterMismatch: it is another one.
        """
        if self.tokeniser != digest:
            raise self._mismatch(f"on another tokeniser ({self.tokeniser[:12] or 'none'}, here {digest[:12]})")

    def check_language_model(self, model_id: str, vocabulary: int, width: int) -> None:
        """Checks the language model in use.

        Raises:
            AdapterMismatch: it is another one, or has another vocabulary or width.
        """
        if self.language_model != model_id:
            raise self._mismatch(f"for the language model {self.language_model or 'of nobody'}, not for {model_id}")
        if (self.vocabulary, self.width) != (vocabulary, width):
            theirs, ours = f"{self.vocabulary} × {self.width}", f"{vocabulary} × {width}"
            raise self._mismatch(f"on embeddings of {theirs} of {model_id}, which has {ours} here")

    def _mismatch(self, how: str) -> AdapterMismatch:
        return AdapterMismatch(f"The adapter {self.id} was trained {how}.", _HINT)


_HINT = "Install the program again, or train the adapter anew with `triptych train`."


def locate(adapter_id: str) -> Path:
    """The folder of an adapter with its card and its files.

    Args:
        adapter_id: for example ``"latent-ctc"`` or ``"trunk"``.

    Raises:
        AdapterMissing: something is not there.
        AdapterMismatch: its card is damaged.
    """
    read(adapter_id)
    return paths.adapters() / adapter_id


def read(adapter_id: str) -> AdapterCard:
    """The card of an adapter, of which all files are there.

    Raises:
        AdapterMissing: something is not there.
        AdapterMismatch: the card is damaged or of another adapter.
    """
    folder = paths.adapters() / adapter_id
    if not (folder / CARD).is_file():
        raise AdapterMissing(f"The trained weights of {adapter_id} are not part of this installation.", _HINT)
    try:
        card = AdapterCard.model_validate(tomllib.loads((folder / CARD).read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise AdapterMismatch(f"The card of the adapter {adapter_id} is damaged: {_reason(error)}.", _HINT) from error
    if card.id != adapter_id:
        raise AdapterMismatch(f"The card in {adapter_id} is that of {card.id}.", _HINT)
    for name in (*FILES[card.kind], *encoder_files(card.tuned_layers)):
        if not (folder / name).is_file():
            raise AdapterMissing(f"The file {name} of the adapter {adapter_id} is missing.", _HINT)
    return card


def require(adapter_ids: Iterable[str]) -> None:
    """Checks that adapters are there, without opening them.

    Raises:
        AdapterMissing: something is not there.
        AdapterMismatch: a card is damaged.
    """
    for adapter_id in adapter_ids:
        read(adapter_id)


def encoder_files(tuned: int) -> tuple[str, ...]:
    """Names of the files of as many tuned layers of the encoder, from the lowest to the last."""
    return tuple(f"encoder-{layer}.onnx" for layer in range(ENCODER_LAYERS - tuned, ENCODER_LAYERS))


def file_digest(file: Path) -> str:
    """Hex sha256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def files_digest(files: Iterable[Path]) -> str:
    """Hex sha256 of several files' names and digests, in their order."""
    return hashlib.sha256("".join(f"{file_digest(file)} {file.name}\n" for file in files).encode()).hexdigest()


def codec_digest(codec_id: str) -> str:
    """What tells one codec from another: the digests of its graphs.

    Raises:
        AdapterMissing: it is not there.
        AdapterMismatch: its card is damaged.
    """
    folder = locate(codec_id)
    return files_digest(folder / name for name in FILES["codec"])


def encoder_graph(model_id: str = "whisper-base") -> str:
    """What tells one build of an encoder's graph from another: the digest of its weights and of its builder's version.

    Raises:
        WeightsMissing: it has not been built.
    """
    return graphs.locate(model_id).name.removeprefix(f"{model_id}-")


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg'].lower()}" if place else first["msg"].lower()
    return " ".join(str(error).split())[:200].rstrip(".")
