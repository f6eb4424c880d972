"""Whisper in transformers, from the same CTranslate2 weights: the peer that the hand-built graphs are compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from engines.weights import ctranslate2

_LANGUAGES: Final = range(50259, 50358)
_NORMS = {"gamma": "weight", "beta": "bias"}


def load(weights: Path) -> Any:
    """A ``WhisperForConditionalGeneration`` in float32."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    arrays = {name: np.array(value, np.float32) for name, value in ctranslate2.read(weights / "model.bin").items()}
    config = WhisperConfig(
        vocab_size=51865, d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8,
        decoder_attention_heads=8, encoder_ffn_dim=2048, decoder_ffn_dim=2048, num_mel_bins=80,
        attn_implementation="eager",
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    state = {f"model.{name}": torch.from_numpy(value) for name, value in _state(arrays).items()}
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected
    assert not [name for name in missing if "embed_positions" not in name]
    return model.eval()


def for_generation(weights: Path) -> tuple[Any, Any, Any]:
    """The same as a model that transformers' own ``generate`` can run, with its tokenizer and its features.

    What is suppressed is as the weights' own configuration has it.
    """
    from tokenizers import Tokenizer
    from transformers import GenerationConfig, WhisperFeatureExtractor, WhisperTokenizerFast

    tokens = Tokenizer.from_file(str(weights / "tokenizer.json"))
    settings = json.loads((weights / "config.json").read_text(encoding="utf-8"))
    model = load(weights)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=50258, eos_token_id=50257, pad_token_id=50257, bos_token_id=50257, max_length=448,
        is_multilingual=True, lang_to_id={tokens.id_to_token(token): token for token in _LANGUAGES},
        task_to_id={"transcribe": 50359, "translate": 50358}, no_timestamps_token_id=50363, return_timestamps=False,
        suppress_tokens=settings["suppress_ids"], begin_suppress_tokens=settings["suppress_ids_begin"],
    )  # fmt: skip
    return model, WhisperTokenizerFast(tokenizer_object=tokens), WhisperFeatureExtractor()


def _state(arrays: dict[str, Any]) -> dict[str, Any]:
    state = {
        "encoder.embed_positions.weight": arrays["encoder/position_encodings/encodings"],
        "decoder.embed_positions.weight": arrays["decoder/position_encodings/encodings"],
        "decoder.embed_tokens.weight": arrays["decoder/embeddings/weight"],
    }
    for side in ("encoder", "decoder"):
        for old, new in _NORMS.items():
            state[f"{side}.layer_norm.{new}"] = arrays[f"{side}/layer_norm/{old}"]
        for layer in range(6):
            old_name, new_name = f"{side}/layer_{layer}", f"{side}.layers.{layer}"
            _attention(state, arrays, f"{old_name}/self_attention", f"{new_name}.self_attn")
            if side == "decoder":
                _attention(state, arrays, f"{old_name}/attention", f"{new_name}.encoder_attn")
            for index in (0, 1):
                for kind in ("weight", "bias"):
                    state[f"{new_name}.fc{index + 1}.{kind}"] = arrays[f"{old_name}/ffn/linear_{index}/{kind}"]
            for old, new in _NORMS.items():
                state[f"{new_name}.final_layer_norm.{new}"] = arrays[f"{old_name}/ffn/layer_norm/{old}"]
    for index in (1, 2):
        for kind in ("weight", "bias"):
            state[f"encoder.conv{index}.{kind}"] = arrays[f"encoder/conv{index}/{kind}"]
    return state


def _attention(state: dict[str, Any], arrays: dict[str, Any], old: str, new: str) -> None:
    crossing = new.endswith("encoder_attn")
    for kind in ("weight", "bias"):
        if crossing:
            parts = [arrays[f"{old}/linear_0/{kind}"], *np.split(arrays[f"{old}/linear_1/{kind}"], 2)]
        else:
            parts = list(np.split(arrays[f"{old}/linear_0/{kind}"], 3))
        for name, part in zip(("q_proj", "k_proj", "v_proj"), parts, strict=True):
            if (name, kind) != ("k_proj", "bias"):
                state[f"{new}.{name}.{kind}"] = part
        state[f"{new}.out_proj.{kind}"] = arrays[f"{old}/linear_{2 if crossing else 1}/{kind}"]
    for before, after in _NORMS.items():
        state[f"{new}_layer_norm.{after}"] = arrays[f"{old}/layer_norm/{before}"]
