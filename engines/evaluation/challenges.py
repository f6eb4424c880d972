"""The survey's six challenges, each with what was measured here; what was not says so."""

from __future__ import annotations

from collections.abc import Sequence

from engines.evaluation import pareto, report, sheet
from engines.evaluation.breaking import PARADIGMS
from engines.evaluation.codec_table import markdown as codecs_told
from engines.evaluation.cost import Spread
from engines.evaluation.fair import Fair
from engines.evaluation.paralinguistic import TITLES, Outcome
from engines.evaluation.probing import LEVEL, Told
from engines.evaluation.sheet import Block, Figure, Heading, Paragraph, Table
from engines.evaluation.sheet_reading import read
from engines.evaluation.significance import holm

_PROBE = (
    "Minimal pairs made by Kokoro differ in one thing: the same words as a statement or a question, by a woman or a "
    "man, or with the first or the second phrase 6 dB louder and a fifth slower. One linear probe, the same for all, "
    "is asked which of the two it is, by nothing but the rows that reach the language model (words, vectors, units), "
    "pooled alike. It never saw the sentence, or for the speaker's sex the pair of voices, that it is asked about. "
    "Guessing is right half of the time; pairs share few voices, so that intervals are rather too narrow. `signal` is "
    "pitch, voicing and level of the sound itself: what there is to be heard."
)
_BOLD = "Pairs told rightly [95 % interval]; **bold** where it is more than guessing (p < .05 after Holm's correction)."
_READ_OFF = (
    "Share of the words that were said which can be read off the language model's input: of vectors the five nearest "
    "text tokens (arXiv 2510.02569), of text engines their N-best lists. By chance: the same words looked for in what "
    "another recording gave."
)


def sections(found: Fair) -> list[Block]:
    """All six."""
    return [
        Heading("The six challenges"),
        *_not_text(found),
        *_alignment(found),
        *_tokens(found),
        *_fairness(found),
        *_languages(found),
        *_real_time(found),
    ]


def missing(found: Fair, part: str, otherwise: str) -> Paragraph:
    """Says that something was not measured, and why where it is known."""
    return Paragraph(f"Not measured: {found.lacking.get(part, otherwise)}", "lacking")


def _not_text(found: Fair) -> list[Block]:
    blocks: list[Block] = [Heading("1. What is lost that is not text", 3), Paragraph(_PROBE, "note")]
    if not found.probes:
        return [*blocks, missing(found, "probes", "the probe was not run.")]
    rows, heard = [], more_than_guessing(found.probes)
    for name in dict.fromkeys(one.input for one in found.probes):
        own = {one.property: one for one in found.probes if one.input == name}
        rows.append([f"`{name}`", *(_told(own.get(of), heard) for of in TITLES)])
    blocks += [Paragraph(sentence, "finding") for sentence in probe_findings(found.probes)]
    head = ["what reaches the model", *(f"{title}, % right" for title in TITLES.values())]
    blocks.append(sheet.of(head, rows, _BOLD))
    people = [one for one in found.probes if one.real is not None]
    if people:
        real = [[f"`{one.input}`", TITLES[one.property], _share(one.real)] for one in people]
        caption = (
            "The probe that learnt from synthetic pairs, asked about people. Their words differ and may tell, too."
        )
        blocks.append(sheet.of(["what reaches the model", "pairs", "% right"], real, caption))
    silent = [title for of, title in TITLES.items() if not any(one.property == of for one in people)]
    if silent:
        blocks.append(
            Paragraph(f"Not checked on people, for want of recordings that tell: {', '.join(silent)}.", "lacking")
        )
    return blocks


def more_than_guessing(probes: Sequence[Outcome]) -> frozenset[Outcome]:
    """Those that tell by the binomial test, after Holm's correction over all that were asked."""
    corrected = holm({one: one.told.p for one in probes})
    return frozenset(one for one, p in corrected.items() if p < LEVEL)


def probe_findings(probes: Sequence[Outcome]) -> list[str]:
    """Which inputs tell what."""
    made, told = [], more_than_guessing(probes)
    for of, title in TITLES.items():
        own = [one for one in probes if one.property == of and one.paradigm is not None]
        heard = [f"`{one.input}`" for one in own if one in told]
        lost = [f"`{one.input}`" for one in own if one not in told]
        parts = [f"reaches the model through {', '.join(heard)}"] if heard else []
        parts += [f"no more than guessing through {', '.join(lost)}"] if lost else []
        if parts:
            made.append(f"**{title[0].upper()}{title[1:]}**: {'; '.join(parts)}.")
    return made


def _told(one: Outcome | None, heard: frozenset[Outcome]) -> str:
    if one is None:
        return "–"
    text = _share(one.told)
    return f"**{text}**" if one in heard else text


def _share(told: Told | None) -> str:
    if told is None:
        return "–"
    low, high = told.bounds
    return f"{100 * told.share:.0f} [{100 * low:.0f}–{100 * high:.0f}] of {told.pairs}"


def _alignment(found: Fair) -> list[Block]:
    blocks: list[Block] = [Heading("2. Speech and text aligned", 3), Paragraph(_READ_OFF, "note")]
    if not found.aligned:
        return [*blocks, missing(found, "aligned", "no engine showed what reaches its language model.")]
    rows = [
        [
            f"`{one.engine}`",
            PARADIGMS[one.paradigm],
            f"{100 * one.share:.1f} [{100 * one.low:.1f}–{100 * one.high:.1f}]",
            f"{100 * one.by_chance:.1f}",
            "–" if one.similarity is None else f"{one.similarity:.2f}",
            str(one.words),
        ]
        for one in found.aligned
    ]
    head = ["engine", "paradigm", "words read off, % [95 %]", "by chance, %", "cosine to the nearest token", "words"]
    return [*blocks, sheet.of(head, rows)]


def _tokens(found: Fair) -> list[Block]:
    blocks: list[Block] = [Heading("3. Semantic against acoustic tokens", 3)]
    tokens = found.tokens
    points = tokens.points() if tokens is not None else []
    if tokens is None or not points:
        return [*blocks, missing(found, "tokens", "`triptych tokens` was not run.")]
    caption = "Bit rate against words read back wrong and against DNSMOS; the dashed line is the original."
    blocks.append(Figure("tokens-pareto", pareto.draw(points, tokens.original), caption))
    if tokens.codec is not None:
        blocks += read([codecs_told(tokens.codec.lines, tokens.codec.books, tokens.codec.notes)], deeper=2)
    if tokens.units is not None:
        quality = tokens.units.quality
        rows = [["PNMI", f"{quality.pnmi:.3f}"], ["PNMI by chance", f"{quality.chance:.3f}"]]
        rows += [["bit/s of runs", f"{quality.joined_bits_per_second:.0f}"]]
        blocks.append(sheet.of([f"{tokens.units.size} semantic units", "value"], rows))
    return blocks


def _fairness(found: Fair) -> list[Block]:
    counts = [one.significant for one in found.summary.compared]
    text = (
        "All engines heard the same recordings under the same noise, and one normaliser judged what they wrote. "
        f"Of {len(counts)} comparisons of two engines on one set, {sum(counts)} are differences (p < .05 after Holm's "
        f"correction, by every test), and {len(counts) - sum(counts)} cannot be told apart."
    )
    blocks: list[Block] = [Heading("4. No fair comparison", 3)]
    if not counts:
        return [*blocks, missing(found, "fair", "fewer than two engines were measured on one set.")]
    blocks.append(Paragraph(text, "finding"))
    return [*blocks, *(one for one in read(report.training(found.summary.trained)) if isinstance(one, Table))]


def _languages(found: Fair) -> list[Block]:
    blocks: list[Block] = [Heading("5. Languages other than English", 3)]
    if not any(one.language != "en" for one in found.languages):
        return [*blocks, missing(found, "languages", "English alone was measured.")]
    rows = [
        [
            f"`{one.engine}`",
            one.language,
            "–"
            if one.rate is None
            else f"{100 * one.rate.value:.1f} [{100 * one.rate.low:.1f}–{100 * one.rate.high:.1f}]",
            report.translation(one.translation),
            "–" if one.places_per_second is None else f"{one.places_per_second:.2f}",
        ]
        for one in found.languages
    ]
    head = ["engine", "language", "WER, % [95 %]", "into English, BLEU [95 %] / chrF", "LLM places per s"]
    return [*blocks, sheet.of(head, rows, "Clean recordings, every language for itself.")]


def _real_time(found: Fair) -> list[Block]:
    blocks: list[Block] = [Heading("6. Real time", 3)]
    if found.lateness:
        rows = [[f"`{one.engine}`", f"{one.median:.2f}", f"{one.p95:.2f}", str(one.clips)] for one in found.lateness]
        caption = "Work per second of speech over clean recordings; below 1 keeps pace."
        blocks.append(sheet.of(["engine", "median", "p95", "recordings"], rows, caption))
    if not found.costs:
        text = "first text, first sound, operations and memory, which are measured with each engine alone."
        return [*blocks, missing(found, "costs", text)]
    costs = [
        [
            f"`{one.engine}`",
            _spread(one.first_text),
            _spread(one.first_audio),
            _spread(one.lag),
            "–" if one.flops_per_second is None else f"{one.flops_per_second / 1e9:.1f}",
            "–" if one.peak_memory_bytes is None else f"{one.peak_memory_bytes / 1e6:.0f}",
        ]
        for one in found.costs
    ]
    head = ["engine", "first text, s", "first sound, s", "LAAL, s", "GFLOP per s", "peak memory, MB"]
    return [*blocks, sheet.of(head, costs, "Each engine alone: median / p95.")]


def _spread(one: Spread | None) -> str:
    return "–" if one is None else f"{one.median:.2f} / {one.p95:.2f}"
