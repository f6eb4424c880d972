"""Makes corpora and their features: ``python -m engines.training.data corpus|prompts|acted|latents|features …``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from engines import paths
from engines.errors import CorpusInvalid, TriptychError
from engines.training.data import acted, build, features, latents, real
from engines.training.data.acted import Labelled
from engines.training.data.corpus import Corpus, corpora, hours_by_source


def main(arguments: list[str] | None = None) -> int:
    """Runs one step; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engines.training.data", description="Makes training data.")
    parser.add_argument("--processes", type=int, default=1, help="how many work at a time")
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("corpus", help="make a corpus of a recipe")
    step.add_argument("name")
    step.add_argument("--recipe", type=Path, default=paths.resources() / "recipes" / "corpus-cpu.toml")
    step.add_argument("--catalogues", type=Path)
    step = steps.add_parser("prompts", help="make a corpus of recordings with transcripts")
    step.add_argument("name", nargs="?", default="prompts")
    step.add_argument("--folder", type=Path, default=os.environ.get("TRIPTYCH_PROMPTS"), help="holds manifest.jsonl")
    step = steps.add_parser("acted", help="make a corpus of acted lines that the recogniser labels")
    step.add_argument("name", nargs="?", default="queen")
    step.add_argument("--game", choices=sorted(acted.GAMES), default="queen")
    step.add_argument("--file", type=Path, required=True, help="the game's: queen.1c, or sky.dnr beside sky.dsk")
    step.add_argument("--hours", type=float, default=2.0)
    step = steps.add_parser("latents", help="make a corpus with the latents of the decoder that speaks it")
    step.add_argument("name", nargs="?", default="latents")
    step.add_argument("--texts", nargs="+", required=True, metavar="CORPUS", help="whose English lines are spoken")
    step.add_argument("--hours", type=float, default=2.0)
    step.add_argument("--seed", type=int, default=5)
    step.add_argument("--noise", type=float, default=0.0, help="scale of what VITS adds to its prior")
    step = steps.add_parser("features", help="compute the encoder's states of a corpus")
    step.add_argument("name")
    step = steps.add_parser("show", help="say what is in a corpus")
    step.add_argument("name")
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    return 0


def _run(options: argparse.Namespace) -> None:
    began = time.monotonic()
    folder = corpora() / options.name
    if options.step == "corpus":
        folders = {"catalogues": options.catalogues} if options.catalogues else {}
        made = build.build(build.read_spec(options.recipe, folders), options.name, processes=options.processes)
        print(f"{made.clips} clips, {made.hours:.2f} h, {made.failed} failed, {time.monotonic() - began:.0f} s")
    elif options.step == "prompts":
        if options.folder is None:
            raise CorpusInvalid("No folder of recordings was named.", "Give --folder or set TRIPTYCH_PROMPTS.")
        recorded = real.prompts(Path(options.folder), folder)
        print(f"{recorded.clips} clips; broken: {recorded.broken or 'none'}; too long: {recorded.long or 'none'}")
    elif options.step == "acted":
        reader = acted.open_recogniser()
        labelled = acted.acted(options.game, options.file, folder, reader, hours=options.hours, progress=_heard)
        print(f"\n{labelled.kept} of {labelled.heard} lines, {labelled.hours:.2f} h; {labelled.broken} broken")
    elif options.step == "latents":
        made = latents.make(
            folder, latents.lines_of(options.texts, options.seed), latents.open_voice(options.noise),
            hours=options.hours, seed=options.seed, noise=options.noise,
        )  # fmt: skip
        print(f"{made.clips} clips, {made.hours:.2f} h, {made.failed} failed, {time.monotonic() - began:.0f} s")
    elif options.step == "features":
        card = features.compute(folder, processes=options.processes, progress=_progress)
        print(f"\n{card['hours']} h in {card['seconds']} s, {len(card['broken'])} clips could not be read")
    corpus = Corpus.open(folder)
    for source, hours in hours_by_source(corpus.clips).items():
        print(f"{hours:8.3f} h  {source}")
    if corpus.problems:
        print(f"Left out: {corpus.problems}.")


def _heard(labelled: Labelled) -> None:
    if labelled.heard % 50 == 0:
        print(f"\r{labelled.kept} of {labelled.heard} lines kept, {labelled.hours:.2f} h", end="", flush=True)


def _progress(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"\r{done} of {total} clips", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
