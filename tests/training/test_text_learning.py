"""Learning on N-best lists: what is made, chosen and put before the model, and that a model learns from it."""

from __future__ import annotations

import base64
import dataclasses
import json
import re

import numpy as np
import pytest

from engines.contract import Hypothesis, Recognised, SpeechStates, TokenScores
from engines.errors import BadOption, CorpusInvalid
from engines.text import prompts
from engines.training.text import degradation, examples, experts, lists, make
from engines.training.text.degradation import Condition
from engines.training.text.examples import Selection
from engines.training.text.lists import Clip, NBestList


def listed(*texts: str, reference: str, source: str = "noisy", clip: str = "c", seed: int = 0, **rest) -> NBestList:
    place = np.random.default_rng(degradation.SOURCES.index(source)).normal(size=512)
    state = np.random.default_rng(seed + 100).normal(place, 1.0).astype(np.float16)
    values = {
        "key": f"{clip} {source} transcribe", "clip": clip, "source": source, "condition": source, "language": "en",
        "task": "transcribe", "split": "train", "reference": reference, "texts": texts,
        "scores": tuple(-1.0 - n for n in range(len(texts))), "tokens": (4,) * len(texts), "token_scores": (-0.2,) * 4,
        "seconds": 1.5, "state": base64.b64encode(state.tobytes()).decode(),
    }  # fmt: skip
    return NBestList(**(values | rest))


def characters(text: str) -> list[int]:
    return [ord(c) % 250 + 3 for c in text]


class Parrot:
    """A recogniser that hears what it was told, and a rhyme of it."""

    languages = ("en",)

    def encode(self, samples):
        return SpeechStates(np.full((1500, 512), float(np.abs(samples).mean()), np.float32), len(samples) / 16000)

    def nbest(self, states, **settings):
        assert settings["beam"] == lists.BEAM
        yield "so far"
        hypotheses = (Hypothesis("a house", -1.0, 3), Hypothesis("a mouse", -2.0, 3))
        yield Recognised(hypotheses, TokenScores(0, ("a", "house"), (-0.5, -0.5)))


def clip(name: str, condition: str = "noisy") -> Clip:
    samples = np.sin(np.arange(16000) / 20).astype(np.float32) / 3
    return Clip(name, lambda: samples, "a house", "en", "train", Condition.parse(condition))


# --- making lists ---


@pytest.mark.parametrize("kind", [*degradation.SOURCES, "babble", "noisy:5", "babble:0"])
def test_degrading_keeps_length_and_range_and_is_the_same_every_time(kind):
    made = clip("x", kind).degraded()
    assert len(made) == 16000
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 1
    assert np.array_equal(made, clip("x", kind).degraded())


def test_other_clips_get_other_noise():
    assert not np.array_equal(clip("x").degraded(), clip("y").degraded())


@pytest.mark.parametrize("kind", ["clean", "noisy", "babble", "telephone", "reverberant"])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_next_to_no_sound_can_be_degraded(kind, count):
    assert len(degradation.degrade(np.zeros(count, np.float32), Condition(kind), np.random.default_rng(0))) == count


@pytest.mark.parametrize("text", ["loud", "clean:5", "noisy:", "noisy:x", ""])
def test_an_unknown_condition_is_refused(text):
    with pytest.raises(BadOption):
        Condition.parse(text)


def test_making_lists_goes_on_where_it_stopped_and_reads_back(tmp_path):
    file = tmp_path / "nbest.jsonl"
    first = list(lists.make(Parrot(), [clip("a"), clip("b")], file))
    with file.open("a", encoding="utf-8") as out:
        out.write('{"key": "c noi')  # interrupted in the middle of a line
    assert lists.read(file) == first
    assert first[0].hypotheses[1].text == "a mouse"
    assert first[0].mean_state.shape == (512,)


def test_lists_that_are_there_are_not_made_again(tmp_path):
    file = tmp_path / "nbest.jsonl"
    list(lists.make(Parrot(), [clip("a")], file))
    assert [made.clip for made in lists.make(Parrot(), [clip("a"), clip("b")], file)] == ["b"]
    assert len(lists.read(file)) == 2


@pytest.mark.parametrize("content", ["no json\n{}", '{"key": 1}\n{}', "[1]\n[2]\n"])
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path, content):
    file = tmp_path / "nbest.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="Line 1"):
        lists.read(file)


def test_missing_lists_are_named(tmp_path):
    with pytest.raises(CorpusInvalid, match=re.escape("nothing.jsonl")):
        lists.read(tmp_path / "nothing.jsonl")


def test_texts_of_test_prompts_are_not_trained_on(tmp_path):
    rows = [
        {"id": f"p{n}", "audio": f"{n}.ogg", "language": "en", "text": text, "seconds": 2.0}
        for n, text in enumerate(["dev", "Hello there.", "hello there", "x", "other words", "y", "long", "z"])
    ]
    rows[6]["seconds"] = 9.0
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = make.prompts(tmp_path)
    assert {c.text for c in found if c.split == "train"} == {"other words"}
    assert {c.text for c in found if c.split == "dev"} == {"dev"}
    assert {c.text for c in found if c.split == "test"} == {"Hello there.", "x", "y", "z"}


# --- what is learnt from ---


def test_lists_without_a_choice_or_without_the_words_are_left_out_and_right_ones_are_few():
    found = [
        listed("the house", "The house.", reference="the mouse", clip="one reading"),
        listed("go there", "come on", reference="my name is Ann", clip="nothing of it"),
        listed("a pear", "a bear", reference="a pair", clip="half of it"),
        *[listed("a b", "a c", reference="a b", clip=f"right {n}") for n in range(9)],
    ]
    kept = examples.chosen(found, Selection(right=0.5))
    assert sorted(item.clip.split()[0] for item in kept) == ["half", "right"]
    assert kept == examples.chosen(list(reversed(found)), Selection(right=0.5))


def test_an_example_is_the_prompt_of_the_engine_and_ends_with_a_newline():
    item = listed("a pear.", "A pear", "a bear", reference="a  pair")
    made = examples.example(characters, 2, item)
    assert list(made.prompt) == [2, *characters(prompts.learned(["a pear.", "a bear"]))]
    assert list(made.response) == characters(" a pair\n")


def test_batches_hold_every_example_once_and_keep_to_their_size():
    lengths = [5, 80, 40, 41, 7, 300, 12]
    cut = examples.batches(lengths, 100, np.random.default_rng(0))
    assert sorted(place for batch in cut for place in batch) == list(range(7))
    assert all(len(batch) == 1 or max(lengths[p] for p in batch) * len(batch) <= 100 for batch in cut)


# --- experts ---


def some(source: str, count: int, start: int = 0) -> list[NBestList]:
    return [
        listed("a b", "a c", reference="a c", source=source, clip=f"{source}{n}", seed=n + start) for n in range(count)
    ]


def test_every_list_goes_to_the_expert_of_its_source_and_some_are_held_back():
    own, measured = experts.assigned([*some("noisy", 60), *some("clean", 60)], some("clean", 30), "noisy")
    assert {item.source for item in own + measured} == {"noisy"}
    assert not {item.clip for item in own} & {item.clip for item in measured}
    assert experts.sources([*some("noisy", 60), *some("clean", 3)]) == ("noisy",)
    with pytest.raises(CorpusInvalid, match="telephone"):
        experts.assigned(some("noisy", 5), [], "telephone")


def test_the_router_learns_sources_without_their_label_and_the_same_every_time():
    training = [*some("clean", 60), *some("noisy", 20), *some("telephone", 60)]
    names = ("clean", "noisy", "telephone")
    router, again = experts.train_router(training, names), experts.train_router(training, names)
    assert np.array_equal(router.weights, again.weights)
    unseen = [*some("clean", 10, 500), *some("noisy", 10, 500), *some("telephone", 10, 500)]
    assert experts.accuracy(router, unseen)["first"] > 0.9
    blind = [dataclasses.replace(item, source="clean") for item in unseen]
    assert np.array_equal(experts.features(blind), experts.features(unseen))


# --- training ---


def tiny_network():
    """A Gemma of two layers with a vocabulary of characters."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("peft")
    torch.manual_seed(0)
    config = transformers.Gemma3TextConfig(
        vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, sliding_window=64, layer_types=["sliding_attention", "full_attention"],
        attn_implementation="eager",
    )  # fmt: skip
    return transformers.Gemma3ForCausalLM(config)


@pytest.fixture
def tiny():
    network = tiny_network()
    from engines.training.text.model import TextModel

    return TextModel(network, rank=4, alpha=8.0, end=characters("\n")[0])


def trainee_of(tiny, tokens: int = 400):
    from engines.training.text.correction import CorrectionTrainee

    training = [listed("a pear", "a bear", reference="a pair", clip=f"c{n}") for n in range(6)]
    decode = lambda ids: "".join(chr(i - 3) for i in ids if i >= 3)  # noqa: E731
    return CorrectionTrainee(tiny, characters, decode, 2, training, training[:2], tokens=tokens)


@pytest.mark.filterwarnings("default")
def test_a_few_steps_lower_the_loss_and_only_the_lora_changes(tiny):
    import torch

    trainee = trainee_of(tiny)
    frozen = tiny.network.get_base_model().model.embed_tokens.weight.detach().clone()
    batch = trainee.batches(0)[0]
    optimiser = torch.optim.Adam(trainee.parameters(), lr=0.02)
    before = float(trainee.loss(batch, 0).detach())
    for step in range(12):
        loss = trainee.loss(batch, step)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert float(loss.detach()) < before
    assert torch.equal(frozen, tiny.network.get_base_model().model.embed_tokens.weight)
    metrics = trainee.evaluate()
    assert set(metrics) == {"wer", "heard"}
    assert metrics["heard"] == pytest.approx(50)


@pytest.mark.filterwarnings("default")
def test_weights_come_back_and_fit_the_graphs_format(tiny):
    import torch

    from export.lora import from_peft

    trainee = trainee_of(tiny)
    kept = trainee.weights()
    with torch.no_grad():
        for value in trainee.parameters():
            value.add_(1.0)
    trainee.load(kept)
    assert all(torch.equal(kept[name], value) for name, value in trainee.weights().items())
    assert len(from_peft(kept, 8.0)) == 2 * 2 * 7


@pytest.mark.filterwarnings("default")
def test_the_loss_is_that_of_the_response_alone(tiny):
    import torch

    trainee = trainee_of(tiny)
    example = trainee.examples[0]
    ids = torch.tensor([example.prompt + example.response])
    with torch.no_grad():
        logits = tiny.network(input_ids=ids).logits[0].float().log_softmax(-1)
        wanted = -np.mean(
            [float(logits[len(example.prompt) + n - 1, token]) for n, token in enumerate(example.response)]
        )
        assert float(trainee.loss([example], 0)) == pytest.approx(wanted, rel=1e-4)
        longer = trainee.examples[0]._replace(prompt=example.prompt * 2)
        both = float(trainee.loss([example, longer], 0))
        assert both == pytest.approx((wanted + float(trainee.loss([longer], 0))) / 2, rel=1e-3)


def test_nothing_to_learn_from_is_an_error(tiny):
    from engines.training.text.correction import CorrectionTrainee

    with pytest.raises(CorpusInvalid, match="learn from"):
        CorrectionTrainee(tiny, characters, str, 2, [], [listed("a", "b", reference="a")])
