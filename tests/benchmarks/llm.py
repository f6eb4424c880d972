"""Gemma here against llama.cpp: tokens per second of reading and of writing, same GGUF file, same threads, one run.

    python -m tests.benchmarks.llm [--threads 2] [--rounds 7] [--prompt-tokens 200] [--new-tokens 48] [--json]

Both are loaded once; rounds are interleaved, the first of each is a warm-up, medians are reported. Reading appends the
prompt to an empty cache and yields logits for its last token; writing takes the likeliest token again and again. Needs
the ``peers`` extra, the fetched weights and the built graphs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines import paths
from engines.models.causal_lm import CausalLM
from engines.runtime import sessions
from engines.runtime.kv_cache import KeyValueCache
from engines.weights import graphs

MODEL = "gemma-3-270m"
TEXT = "The history of the city begins with a small settlement on the river, where "

Round = Callable[[], tuple[float, float]]


def own_round(model: CausalLM, prompt_tokens: int, new_tokens: int) -> Round:
    """One round here: seconds of reading, seconds of writing."""
    text = TEXT * (prompt_tokens // 8 + 1)
    ids = np.array([model.tokenizer.encode(text, add_special_tokens=False).ids[:prompt_tokens]], np.int64)

    def run() -> tuple[float, float]:
        cache = KeyValueCache(model.decoder.shape, capacity=prompt_tokens + new_tokens)
        start = time.perf_counter()
        logits = model.decoder.advance(cache, ids)
        read = time.perf_counter()
        token = np.zeros((1, 1), np.int64)
        for _ in range(new_tokens):
            token[0, 0] = logits[0].argmax()
            logits = model.decoder.advance(cache, token)
        return read - start, time.perf_counter() - read

    return run


def llama_round(file: Path, threads: int, prompt_tokens: int, new_tokens: int) -> tuple[Round, str]:
    """One round of llama.cpp, and how it was built."""
    import llama_cpp  # only this benchmark needs it

    model: Any = llama_cpp.Llama(
        str(file), n_ctx=prompt_tokens + new_tokens + 8, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    ids = model.tokenize((TEXT * (prompt_tokens // 8 + 1)).encode(), add_bos=False)[:prompt_tokens]

    def likeliest() -> int:
        pointer = llama_cpp.llama_get_logits_ith(model.ctx, -1)
        return int(np.ctypeslib.as_array(pointer, shape=(model.n_vocab(),)).argmax())

    def run() -> tuple[float, float]:
        model.reset()
        start = time.perf_counter()
        model.eval(ids)
        token = likeliest()
        read = time.perf_counter()
        for _ in range(new_tokens):
            model.eval([token])
            token = likeliest()
        return read - start, time.perf_counter() - read

    return run, llama_cpp.llama_print_system_info().decode()


def measure(runs: dict[str, Round], rounds: int, tokens: tuple[int, int]) -> dict[str, dict[str, float]]:
    """Medians of tokens per second, rounds interleaved, the first not counted."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            times[name].append(run())
    return {
        name: {
            "read_tokens_per_second": tokens[0] / statistics.median(read for read, _ in values[1:]),
            "write_tokens_per_second": tokens[1] / statistics.median(write for _, write in values[1:]),
        }
        for name, values in times.items()
    }


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmark and prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--prompt-tokens", type=int, default=200)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    sessions.configure(sessions.RuntimeSettings(threads=options.threads))
    own = CausalLM.open(graphs.locate(MODEL))
    file = next((paths.data() / "weights" / MODEL).glob("*.gguf"))
    peer, build = llama_round(file, options.threads, options.prompt_tokens, options.new_tokens)
    runs = {"triptych": own_round(own, options.prompt_tokens, options.new_tokens), "llama.cpp": peer}
    found = measure(runs, max(5, options.rounds), (options.prompt_tokens, options.new_tokens))
    ratios = {key: found["triptych"][key] / found["llama.cpp"][key] for key in found["triptych"]}
    if options.json:
        print(json.dumps({"threads": options.threads, "llama.cpp": build, "medians": found, "ratios": ratios}))
        return 0
    print(f"{options.threads} threads, prompt {options.prompt_tokens}, new {options.new_tokens}; {build}")
    for name, values in found.items():
        read, write = values["read_tokens_per_second"], values["write_tokens_per_second"]
        print(f"{name:10} reads {read:7.1f}/s  writes {write:6.1f}/s")
    print(f"ratio      {ratios['read_tokens_per_second']:.2f} reading, {ratios['write_tokens_per_second']:.2f} writing")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
