"""Runs a recipe of the kind ``tokens``: the language model with rows for units, stage by stage, through the loop.

In the stage ``matching`` the rows of the units are trained alone, in front of a language model that stays as it is; in
``llm`` its LoRA with them. Rows begin where the trunk's CTC hears the units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engines import paths
from engines.errors import AdapterMissing, RecipeInvalid
from engines.models.pieces import MARK
from engines.models.trunk import Trunk
from engines.runtime.lora import Lora as LoraArrays
from engines.training.benches import LANGUAGE_MODEL, PIECES
from engines.training.dataset import Clip, SpeechData
from engines.training.loop import Progress
from engines.training.recipes import Recipe, Stage
from engines.training.runs import BEST, Trained, device_of, from_curves, hours, through
from engines.training.tokens import streams
from engines.training.tokens.examples import Layout, Meanings, log_frames
from engines.training.tokens.language_model import Mixture, TokenTrainee
from engines.training.tokens.streams import UnitStreams
from engines.weights import cards, graphs
from engines.weights.store import WeightStore

if TYPE_CHECKING:
    from torch import Tensor

ENCODER: Final = "whisper-base"
_LISTENED: Final = 600
"""Clips whose posteriors say where rows begin."""


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
) -> Trained:
    """Trains, from where the last call stopped.

    Args:
        recipe: of the kind ``tokens``.
        minutes: after which to stop with everything written; None trains to the end.
        device: ``auto``, ``cpu`` or ``cuda``.
        folder: of the run.
        report: is told of progress.

    Units of corpora that have none by the present tokeniser are made first.

    Raises:
        RecipeInvalid: an option or a stage is none, or the LoRA to begin with has another rank.
        CorpusInvalid: data are missing.
        AdapterMissing: trunk, tokeniser or the adapter to begin with are not there.
        WeightsMissing: the language model is not installed.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    mixture = Mixture.of(recipe)
    if any(stage.name not in {"matching", "llm"} for stage in recipe.stages):
        raise RecipeInvalid(f"The recipe {recipe.id} has a stage that tokens have not.", "Give matching and llm.")
    where = device_of(device)
    corpora = paths.data() / "training" / "corpora"
    data = SpeechData(corpora, recipe.data.corpora)
    units = streams.ensure(corpora, recipe.data.corpora, print)
    bench = Bench(recipe, mixture, data, units, folder, where)
    last = recipe.stages[-1]
    over = through(recipe, bench.trainee, folder, minutes=minutes, report=report, keeps=lambda stage: stage is last)
    steps, seconds, metrics = from_curves(folder, recipe)
    spoken = hours(data.clips, recipe)
    return Trained(recipe, folder, over, bench.parameters(), seconds / 60, steps, metrics, spoken)


class Bench:
    """The language model, its rows, and what they learn from.

    Args:
        recipe: of the run.
        mixture: of its tasks.
        data: the clips.
        units: of them.
        folder: of the run; the pieces are kept there.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(
        self, recipe: Recipe, mixture: Mixture, data: SpeechData, units: UnitStreams, folder: Path, device: str
    ) -> None:
        import torch

        from engines.training.networks.gemma import TorchGemma
        from engines.training.networks.token_llm import TokenLanguageModel

        self._recipe, self._mixture, self._data, self._streams = recipe, mixture, data, units
        trunk = Trunk.open(ENCODER, cards.encoder_graph(ENCODER))
        self.inventory = trunk.inventory
        folder.mkdir(parents=True, exist_ok=True)
        self.inventory.write(folder / PIECES)
        gemma = TorchGemma.load(WeightStore().path(LANGUAGE_MODEL), torch.bfloat16)
        labels = [self.inventory.pieces[place].text for place in self.inventory.ctc.tolist()]
        embeddings = gemma.table[torch.tensor(gemma.full_ids(labels))].float().numpy()
        silence = gemma.table[gemma.ids[MARK]].float().numpy()
        heard, durations = self._heard(trunk)
        rows = torch.from_numpy(heard.rows(embeddings, silence))
        torch.manual_seed(recipe.seed)
        self._lora = gemma.adapt(recipe.lora)
        if mixture.start:
            begin_with(mixture.start, dict(gemma.body.named_parameters()), recipe)
        layout = Layout(len(self.inventory), units.size)
        head = gemma.writable(self.inventory)
        self.model = TokenLanguageModel(gemma, head, rows, torch.from_numpy(durations), layout)
        self.model.to(device, torch.bfloat16)
        self._before = best_of(folder.parent / mixture.after, folder / PIECES, recipe) if mixture.after else {}
        self._encode = gemma.encoder(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json")

    def _heard(self, trunk: Trunk) -> tuple[Meanings, np.ndarray[Any, np.dtype[np.float32]]]:
        """What the trunk hears in a sample of the clips, and how long units last there."""
        meanings = Meanings(self._streams.size, len(self.inventory.ctc))
        found = self._sample()
        for clip in found:
            states = np.asarray(self._data.states(clip), np.float32)
            meanings.add(self._streams.ids(clip), np.exp(trunk.run(states).log_probs))
        return meanings, log_frames([self._streams.ids(clip) for clip in found], self._streams.size)

    def _sample(self) -> list[Clip]:
        wanted = {*self._recipe.data.languages, *self._recipe.data.translate}
        able = [clip for clip in self._data.clips if clip.split == "train" and clip.language in wanted]
        order = np.random.default_rng((self._recipe.seed, 5)).permutation(len(able))[:_LISTENED]
        return [able[place] for place in sorted(order.tolist())]

    def trainee(self, stage: Stage) -> TokenTrainee:
        """What a stage trains."""
        trained: dict[str, Any] = {name: getattr(self.model, name) for name in ("rows", "bias", "tempo")}
        trained |= self.model.gemma.lora_parameters(trained=stage.name == "llm")
        trainee = TokenTrainee(
            self.model, trained, self._data, self._streams, self.inventory, self._encode, self._recipe.data,
            self._mixture, batch_seconds=stage.batch_seconds, seed=self._recipe.seed,
        )  # fmt: skip
        if self._before and stage is self._recipe.stages[0]:
            trainee.load(self._before)
        return trainee

    def parameters(self) -> dict[str, int]:
        """Part → how many are trained."""
        rows = self.model.rows.numel() + self.model.bias.numel() + self.model.tempo.numel()
        return {"adapter": rows, "lora": sum(value.numel() for value in self._lora)}


def best_of(run: Path, pieces: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The best weights of another run, to go on from.

    Args:
        run: its folder.
        pieces: file of the pieces of this run.
        recipe: of this run.

    Raises:
        AdapterMissing: it has none.
        RecipeInvalid: it wrote with other pieces.
    """
    from safetensors.torch import load_file

    if not (run / BEST).is_file():
        reason = f"The recipe {recipe.id} goes on from {run.name}, which was not trained yet ({run})."
        raise AdapterMissing(reason, f"Run `triptych train {run.name}` first.")
    if (run / PIECES).read_bytes() != pieces.read_bytes():
        reason = f"The recipe {recipe.id} goes on from {run.name}, which writes with other pieces."
        raise RecipeInvalid(reason, f"Run `triptych train --restart {run.name}` first.")
    return load_file(run / BEST)


def begin_with(adapter_id: str, parameters: Mapping[str, Tensor], recipe: Recipe) -> None:
    """Puts the LoRA of an adapter of this installation in place of a fresh one.

    Args:
        adapter_id: its folder.
        parameters: of the language model, named as peft names them.
        recipe: of the run; rank and α are checked against it.

    Raises:
        AdapterMissing: it is not there.
        AdapterMismatch: it is for another language model.
        RecipeInvalid: its rank is not that of the recipe.
    """
    import torch

    cards.read(adapter_id)
    arrays = LoraArrays.open(cards.locate(adapter_id) / "lora.onnx_adapter").tensors
    factor = recipe.lora.rank / recipe.lora.alpha  # files have α/r in B
    with torch.no_grad():
        for name, value in parameters.items():
            if "lora_" not in name:
                continue
            layer, projection, side = _places(name)
            array = arrays.get(f"layers.{layer}.{projection}.lora_{side}")
            if array is None:
                continue
            given = torch.from_numpy(np.ascontiguousarray(array.T * (factor if side == "B" else 1.0)))
            if given.shape != value.shape:
                raise RecipeInvalid(
                    f"The LoRA of {adapter_id} does not go with rank {recipe.lora.rank} of the recipe {recipe.id}.",
                    "Begin with another adapter, or give its rank.",
                )
            value.copy_(given.to(value.dtype))


def _places(name: str) -> tuple[int, str, str]:
    """Layer, projection and side in a name such as ``…layers.3.self_attn.q_proj.lora_A.default.weight``."""
    words = name.split(".")
    at = words.index("layers")
    side = next(word for word in words if word.startswith("lora_"))
    return int(words[at + 1]), words[words.index(side) - 1], side.removeprefix("lora_")
