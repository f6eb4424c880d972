"""Low-rank adapters (LoRA, https://arxiv.org/abs/2106.09685) of the language-model graph.

One graph in memory serves every engine: an adapter is a set of optional inputs, bound for as long as a text is written
with it. Files are ONNX Runtime's ``.onnx_adapter`` with two arrays per projection, ``layers.N.q_proj.lora_A``
``(in, r)`` and ``layers.N.q_proj.lora_B`` ``(r, out)``, the factor α/r already in B. The graph computes projections
that read the same input as one product, so their arrays are put side by side when an adapter is first used.
How this was decided is told in ``docs/decisions/0007-lora-inputs.md``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.errors import GraphInvalid

PRODUCTS: dict[str, tuple[str, ...]] = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "o_proj": ("o_proj",),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "down_proj": ("down_proj",),
}
"""The matrix products of a layer in the graph, and the projections that each holds side by side."""

PROJECTIONS: tuple[str, ...] = tuple(projection for parts in PRODUCTS.values() for projection in parts)
"""What can be adapted."""

_NAME = re.compile(rf"layers\.(\d+)\.({'|'.join(PROJECTIONS)})\.lora_(A|B)")
_HINT = "Install the program again, or make the adapter anew."


@dataclass(frozen=True)
class ProjectionSizes:
    """The projections of a model.

    Attributes:
        model: its name, for people.
        layers: number of layers.
        sizes: features in and out, by projection, in the order of :data:`PROJECTIONS`.
    """

    model: str
    layers: int
    sizes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, config: Mapping[str, object]) -> ProjectionSizes:
        """From ``config.json`` of a graph set."""
        sizes = config.get("projections")
        if not isinstance(sizes, dict) or set(sizes) != set(PROJECTIONS):
            raise GraphInvalid(
                f"The graph of {config.get('name')} is from an older version.", "Run `triptych models verify`."
            )
        return cls(
            str(config["name"]),
            int(str(config["layers"])),
            tuple((int(sizes[name][0]), int(sizes[name][1])) for name in PROJECTIONS),
        )

    def size(self, projection: str) -> tuple[int, int]:
        """Features in and out."""
        return self.sizes[PROJECTIONS.index(projection)]


Arrays = dict[str, NDArray[np.float32]]


class Lora:
    """A low-rank adapter.

    Args:
        tensors: for every adapted projection ``layers.N.PROJECTION.lora_A`` ``(in, r)`` and ``…lora_B`` ``(r, out)``.
        name: for messages.

    Raises:
        GraphInvalid: names or shapes do not belong together, or a value is not finite.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.floating]], name: str = "adapter") -> None:
        self.name = name
        self._tensors = _checked(tensors, name)
        digest = hashlib.sha256()
        for key, value in sorted(self._tensors.items()):
            digest.update(f"{key} {value.shape} ".encode() + value.tobytes())
        self._digest = digest.hexdigest()
        self._packed: dict[ProjectionSizes, Arrays] = {}
        self._values: dict[ProjectionSizes, dict[str, ort.OrtValue]] = {}

    @classmethod
    def open(cls, path: Path) -> Lora:
        """Reads an ``.onnx_adapter`` file.

        Raises:
            GraphInvalid: it is missing, broken, or holds no such adapter.
        """
        try:
            # The check of the file's structure happens here; a missing one is named as such.
            parameters = ort.AdapterFormat.read_adapter(str(path)).get_parameters() if path.is_file() else None
            arrays = None if parameters is None else {key: value.numpy() for key, value in parameters.items()}
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            message = (
                f"The adapter {path.name} in {path.parent.name} cannot be read: it is no ONNX Runtime adapter file."
            )
            raise GraphInvalid(message, _HINT) from error
        if arrays is None:
            raise GraphInvalid(f"There is no adapter {path.name} in {path.parent.name}.", _HINT)
        return cls(arrays, f"{path.parent.name}/{path.name}")

    @staticmethod
    def mixture(parts: Sequence[tuple[Lora, float]]) -> Lora:
        """The weighted sum of adapters as one adapter, exactly: their ranks side by side, the weights in B.

        Args:
            parts: adapters and their weights; those of weight 0 cost nothing.

        Raises:
            ValueError: there is no part, or a weight is not finite.
        """
        if not parts or not np.isfinite([weight for _, weight in parts]).all():
            raise ValueError("a mixture needs at least one adapter, and finite weights")
        kept = [(lora, float(weight)) for lora, weight in parts if weight] or [(parts[0][0], 0.0)]
        return kept[0][0] if len(kept) == 1 and kept[0][1] == 1.0 else _Mixture(kept)

    @property
    def digest(self) -> str:
        """Hex sha256 of what it does; caches of prompts are kept apart by it."""
        return self._digest

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(value.size for value in self._tensors.values())

    @property
    def tensors(self) -> Arrays:
        """Its arrays by name, float32."""
        return {key: value.astype(np.float32) for key, value in self._tensors.items()}

    def values(self, sizes: ProjectionSizes) -> dict[str, ort.OrtValue]:
        """What to bind to the graph of a model; made once and kept.

        Raises:
            GraphInvalid: the adapter is not for this model.
        """
        if sizes not in self._values:
            self._values[sizes] = {
                key: ort.OrtValue.ortvalue_from_numpy(array) for key, array in self.packed(sizes).items()
            }
        return self._values[sizes]

    def packed(self, sizes: ProjectionSizes) -> Arrays:
        """The arrays as the graph takes them, by the names of its inputs."""
        if sizes not in self._packed:
            self._check_fit(sizes)
            self._packed[sizes] = {
                key: array
                for layer in range(sizes.layers)
                for product in PRODUCTS
                for key, array in self._product(layer, product, sizes).items()
            }
        return self._packed[sizes]

    def _product(self, layer: int, product: str, sizes: ProjectionSizes) -> Arrays:
        """A ``(in, Σr)`` and B ``(Σr, Σout)``, of which only the blocks of the projections are not zero."""
        names = {projection: f"layers.{layer}.{projection}" for projection in PRODUCTS[product]}
        present = [projection for projection in names if f"{names[projection]}.lora_A" in self._tensors]
        if not present:
            return {}
        down = [self._tensors[f"{names[projection]}.lora_A"] for projection in present]
        up = np.zeros((sum(a.shape[1] for a in down), sum(sizes.size(name)[1] for name in names)), np.float32)
        row = column = 0
        for projection, name in names.items():
            if projection in present:
                b = self._tensors[f"{name}.lora_B"]
                up[row : row + len(b), column : column + b.shape[1]] = b
                row += len(b)
            column += sizes.size(projection)[1]
        prefix = f"layers.{layer}.{product}"
        return {f"{prefix}.lora_A": np.concatenate(down, axis=1, dtype=np.float32), f"{prefix}.lora_B": up}

    def _check_fit(self, sizes: ProjectionSizes) -> None:
        for key, value in self._tensors.items():
            layer, projection, side = _parts(key, self.name)
            features, outputs = sizes.size(projection)
            if layer >= sizes.layers or (value.shape[0] != features if side == "A" else value.shape[1] != outputs):
                shape = " × ".join(map(str, value.shape))
                raise GraphInvalid(f"The adapter {self.name} does not fit {sizes.model}: {key} is {shape}.", _HINT)


class _Mixture(Lora):
    """Several adapters as one; what the parts have put side by side already is used again."""

    def __init__(self, parts: Sequence[tuple[Lora, float]]) -> None:
        self._mixed = tuple(parts)
        self.name = " + ".join(f"{weight:g} {lora.name}" for lora, weight in parts)
        text = " ".join(f"{weight!r} {lora.digest}" for lora, weight in parts)
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        self._packed = {}
        self._values = {}

    @property
    def parameters(self) -> int:
        return sum(lora.parameters for lora, _ in self._mixed)

    @property
    def tensors(self) -> Arrays:
        names = sorted({name for lora, _ in self._mixed for name in lora.tensors})
        return {name: _beside(name, [(lora.tensors, weight) for lora, weight in self._mixed]) for name in names}

    def packed(self, sizes: ProjectionSizes) -> Arrays:
        if sizes not in self._packed:
            parts = [(lora.packed(sizes), weight) for lora, weight in self._mixed]
            names = dict.fromkeys(name for arrays, _ in parts for name in arrays)
            self._packed[sizes] = {name: _beside(name, parts) for name in names}
        return self._packed[sizes]


def _beside(name: str, parts: Sequence[tuple[Arrays, float]]) -> NDArray[np.float32]:
    if name.endswith("lora_A"):
        return np.concatenate([arrays[name] for arrays, _ in parts if name in arrays], axis=1)
    return np.concatenate([arrays[name] * np.float32(weight) for arrays, weight in parts if name in arrays])


def _parts(key: str, name: str) -> tuple[int, str, str]:
    """Layer, projection and side of an array's name."""
    found = _NAME.fullmatch(key)
    if found is None:
        raise GraphInvalid(f"The adapter {name} holds something unknown: {key}.", _HINT)
    return int(found[1]), found[2], found[3]


def _checked(tensors: Mapping[str, NDArray[np.floating]], name: str) -> dict[str, NDArray[np.floating]]:
    """The arrays, each with its partner: in float16 where they are given so, which saves memory, else in float32."""
    if not tensors:
        raise GraphInvalid(f"The adapter {name} is empty.", _HINT)
    arrays: dict[str, NDArray[np.floating]] = {}
    for key, value in tensors.items():
        _parts(key, name)
        kind = np.float16 if np.asarray(value).dtype == np.float16 else np.float32
        array: NDArray[np.floating] = np.array(value, kind, order="C")
        if array.ndim != 2 or not np.isfinite(array).all():
            raise GraphInvalid(f"The adapter {name} is damaged: {key} is no matrix of finite numbers.", _HINT)
        arrays[key] = array
    for key in arrays:
        stem = key.removesuffix("_A").removesuffix("_B")
        pair = (arrays.get(f"{stem}_A"), arrays.get(f"{stem}_B"))
        if pair[0] is None or pair[1] is None or pair[0].shape[1] != len(pair[1]) or not len(pair[1]):
            raise GraphInvalid(f"The adapter {name} is damaged: A and B of {stem} do not belong together.", _HINT)
    return arrays
