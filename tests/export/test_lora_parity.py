"""Adapters and attention against transformers and PEFT with the same weights."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from engines.models.causal_lm import CausalLM
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.lora import PROJECTIONS, Lora
from engines.weights import graphs
from export.causal_lm import build_gemma
from export.lora import from_peft, write_adapter
from export.vocabulary import kept_ids
from tests.export.test_causal_lm_parity import TEXT, _log_softmax

pytestmark = [pytest.mark.parity, pytest.mark.timeout(1200), pytest.mark.filterwarnings("default")]


def _adapted(folder):
    """Gemma with a random LoRA of rank 8 on all seven projections, strong enough to change its mind."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")
    file = next(folder.glob("*.gguf")).name
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=file, dtype=torch.float32, attn_implementation="eager"
    )
    config = peft.LoraConfig(r=8, lora_alpha=16, target_modules=list(PROJECTIONS), lora_dropout=0.0)
    model = peft.get_peft_model(model, config).eval()
    torch.manual_seed(0)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.01)
    return torch, model, peft.get_peft_model_state_dict(model)


def _logits(model, ids, lora):
    cache = KeyValueCache(model.decoder.shape)
    return model.decoder.adapted(lora).advance(cache, np.array([ids]), np.arange(len(ids))).copy()


def test_adapter_vectors_and_attention_equal_those_of_peft_and_transformers(model_home, tmp_path):
    torch, reference, state = _adapted(model_home / "gemma-3-270m")
    tensors = from_peft(state, alpha=16)
    assert len(tensors) == 2 * 7 * 18
    exact = write_adapter(tensors, tmp_path / "exact.onnx_adapter", precision="fp32")
    small = write_adapter(tensors, tmp_path / "small.onnx_adapter")
    assert small.stat().st_size < 5 << 20
    build_gemma(model_home / "gemma-3-270m", tmp_path, precision="fp32")
    own = CausalLM.open(tmp_path)
    kept = kept_ids()
    ids = own._tokens(TEXT * 9)[:530]  # beyond the window of 512
    lora = Lora.open(exact)
    mine, plain = _logits(own, ids, lora), _logits(own, ids, None)
    prompt = own._tokens("The capital of France is")
    heard = own.embeddings(own.encode(" the city of light, which everybody knows under the name of"))
    writing = own.write_from([prompt, heard], lora=lora, max_tokens=8, end=[], attention=True)
    written = [token.id for token in writing]
    seen = writing.attention()
    del own, writing
    gc.collect()
    with torch.no_grad():
        theirs = reference(torch.tensor(kept[np.array(ids)])[None]).logits[0].numpy()[:, kept]
    assert np.abs(mine - theirs).max() < 2e-3
    assert np.abs(plain - theirs).max() > 1

    embedded = reference.get_input_embeddings()(torch.tensor(kept[np.array(prompt)])[None])
    with torch.no_grad():
        embeds = torch.cat([embedded, torch.tensor(heard)[None]], 1)
        expected = []
        for _ in range(8):
            out = reference(inputs_embeds=embeds, output_attentions=True)
            expected.append(int(out.logits[0, -1].numpy()[kept].argmax()))
            if len(expected) < 8:
                token = reference.get_input_embeddings()(torch.tensor([[int(kept[expected[-1]])]]))
                embeds = torch.cat([embeds, token], 1)
    assert written == expected
    places = len(prompt) + len(heard)
    told = np.stack([out.attentions[layer][0].numpy() for layer in (5, 11, 17)])[:, :, places - 1 :, :places]
    assert seen.shape == told.shape
    assert np.abs(seen - told).max() < 1e-4
    del reference, out
    gc.collect()

    rounded = _log_softmax(_logits(CausalLM.open(graphs.locate("gemma-3-270m")), ids, Lora.open(small)))
    probabilities = _log_softmax(theirs)
    assert (np.exp(probabilities) * (probabilities - rounded)).sum(axis=1).mean() < 0.02
