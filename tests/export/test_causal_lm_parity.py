"""The graphs against transformers with the same weights."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from engines.models.causal_lm import CausalLM
from engines.runtime.kv_cache import KeyValueCache
from engines.weights import graphs
from export.causal_lm import build_gemma, build_smollm2
from export.vocabulary import kept_ids

pytestmark = [pytest.mark.parity, pytest.mark.timeout(1200), pytest.mark.filterwarnings("default")]

TEXT = (
    "Speech recognition turns sound into words. Die Spracherkennung macht aus Klang Wörter. "
    "La reconnaissance vocale transforme le son en mots. 语音识别把声音变成文字。 "
)
PROMPTS = (
    "The capital of France is",
    "English: I am hungry.\nGerman: Ich habe Hunger.\n\nEnglish: Where is the station?\nGerman:",
    "Once upon a time, in a small village,",
)


def _reference(folder: Path):
    """The model in transformers, read from the same file."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    file = next(folder.glob("*.gguf")).name
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    return torch, model.eval()


def _logits(model: CausalLM, ids: list[int]) -> np.ndarray:
    cache = KeyValueCache(model.decoder.shape)
    return model.decoder.advance(cache, np.array([ids], np.int64), np.arange(len(ids))).copy()


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _greedy(torch, model, ids: list[int], kept: np.ndarray, count: int) -> list[int]:
    """Greedy continuation over the kept ids only."""
    written: list[int] = []
    past = None
    feed = kept[np.array(ids)]
    with torch.no_grad():
        for _ in range(count):
            out = model(torch.tensor(feed)[None], past_key_values=past, use_cache=True, logits_to_keep=1)
            past = out.past_key_values
            written.append(int(out.logits[0, -1].numpy()[kept].argmax()))
            feed = kept[np.array(written[-1:])]
    return written


def _own_greedy(model: CausalLM, ids: list[int], count: int) -> list[int]:
    cache = KeyValueCache(model.decoder.shape)
    logits = model.decoder.advance(cache, np.array([ids], np.int64))
    written = []
    for _ in range(count):
        written.append(int(logits[0].argmax()))
        logits = model.decoder.advance(cache, np.array([written[-1:]], np.int64))
    return written


@pytest.mark.parametrize(
    ("model_id", "build"), [("gemma-3-270m", build_gemma), ("smollm2-135m-instruct", build_smollm2)]
)
def test_logits_and_greedy_text_equal_those_of_transformers(model_home, tmp_path, model_id, build):
    build(model_home / model_id, tmp_path, precision="fp32")
    own = CausalLM.open(tmp_path)
    kept = kept_ids() if model_id.startswith("gemma") else np.arange(own.decoder.vocabulary)
    ids = own._tokens(TEXT * 9)[:530]  # beyond Gemma's window of 512
    mine = _logits(own, ids)
    prompts = [own._tokens(prompt) for prompt in PROMPTS]
    texts = [_own_greedy(own, prompt, 8) for prompt in prompts]
    del own
    gc.collect()
    torch, reference = _reference(model_home / model_id)
    with torch.no_grad():
        theirs = reference(torch.tensor(kept[np.array(ids)])[None]).logits[0].numpy()[:, kept]
    assert np.abs(mine - theirs).max() < 2e-3
    assert texts == [_greedy(torch, reference, prompt, kept, 8) for prompt in prompts]
    del reference, mine
    gc.collect()
    small = _logits(CausalLM.open(graphs.locate(model_id)), ids)
    exact, rounded = _log_softmax(theirs), _log_softmax(small)
    divergence = (np.exp(exact) * (exact - rounded)).sum(axis=1).mean()
    assert divergence < 0.01
    targets = np.array(ids[1:])
    places = np.arange(len(targets))
    assert abs((exact - rounded)[places, targets].mean()) < 0.02
