"""Adapters as files: from what PEFT trains to what the graph takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.errors import GraphInvalid
from engines.runtime.lora import PROJECTIONS, Lora

_PEFT = re.compile(
    rf"(?:base_model\.model\.)?(?:model\.)?layers\.(\d+)\.(?:self_attn|mlp)\.({'|'.join(PROJECTIONS)})"
    r"\.lora_(A|B)(?:\.\w+)?\.weight"
)


def write_adapter(tensors: Mapping[str, NDArray[np.floating]], path: Path, *, precision: str = "fp16") -> Path:
    """Writes an ONNX Runtime adapter file that :meth:`engines.runtime.lora.Lora.open` reads.

    Args:
        tensors: ``layers.N.PROJECTION.lora_A`` ``(in, r)`` and ``…lora_B`` ``(r, out)``, α/r in B.
        path: the file to write.
        precision: ``"fp16"`` or ``"fp32"``.

    Returns:
        ``path``.

    Raises:
        GraphInvalid: names or shapes do not belong together, or a value does not fit the precision.
    """
    kind = {"fp16": np.float16, "fp32": np.float32}[precision]
    with np.errstate(over="ignore"):
        arrays = {name: np.asarray(value).astype(kind) for name, value in sorted(tensors.items())}
    checked = Lora(arrays, path.name)  # refuses what could not be read again
    adapter = ort.AdapterFormat()
    adapter.set_adapter_version(1)
    adapter.set_model_version(1)
    adapter.set_parameters({name: ort.OrtValue.ortvalue_from_numpy(arrays[name]) for name in checked.tensors})
    scratch = path.with_name(f".{path.name}.new")
    adapter.export_adapter(str(scratch))
    scratch.replace(path)
    return path


def from_peft(state: Mapping[str, Any], alpha: float) -> dict[str, NDArray[np.float32]]:
    """Arrays for :func:`write_adapter` from the state of a PEFT model.

    Args:
        state: names such as ``base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`` (or with the adapter's
            name before ``weight``) to tensors in PyTorch's layout, ``(r, in)`` and ``(out, r)``. What is not of a LoRA
            is left out.
        alpha: ``lora_alpha``; the factor is α/r.

    Raises:
        GraphInvalid: it adapts something that the graph cannot, or is no LoRA at all.
    """
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, value in state.items():
        found = _PEFT.fullmatch(name)
        if found is None:
            if "lora_" in name:
                raise GraphInvalid(f"The graph has no place for {name}.", "Adapt the seven projections of layers only.")
            continue
        array = _floats(value).T
        factor = 1.0 if found[3] == "A" else alpha / array.shape[0]
        tensors[f"layers.{found[1]}.{found[2]}.lora_{found[3]}"] = np.ascontiguousarray(array * np.float32(factor))
    if not tensors:
        raise GraphInvalid("There is no LoRA in this state.", "Give the state of a model that PEFT adapted.")
    return tensors


def _floats(value: Any) -> NDArray[np.float32]:
    """A tensor or array in float32."""
    if hasattr(value, "detach"):  # a tensor of PyTorch, which may be in bfloat16
        value = value.detach().float().cpu().numpy()
    return np.asarray(value, np.float32)
