"""What is trained by a recipe of the latent family, put together: networks, data, pieces, and the files of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engines import paths
from engines.errors import AdapterMissing, RecipeInvalid
from engines.models.pieces import Inventory
from engines.training.dataset import Source, SpeechData
from engines.training.recipes import Recipe, Stage
from engines.training.runs import BEST
from engines.training.speech import AdapterTrainee, TrunkTrainee
from engines.training.tuning import ENCODER, EncodedSound, TunedTrunkTrainee, load_encoder, new_encoder, trunk_part
from engines.weights import graphs
from engines.weights.store import WeightStore

if TYPE_CHECKING:
    from engines.training.networks.speech_encoder import SpeechEncoder
    from engines.training.networks.trunk import Trunk, TrunkSize

LANGUAGE_MODEL: Final = "gemma-3-270m"
PIECES: Final = "pieces.json"
SIZE: Final = "size.json"


class TrunkBench:
    """The trunk, its data and pieces, and the encoder where that is tuned.

    Args:
        recipe: of a trunk. The option ``start`` names the run of another, with the same sizes, that it goes on from;
            empty or left out, it begins anew.
        folder: of the run.
        device: ``cpu`` or ``cuda``.

    Attributes:
        data: what is trained on.

    Raises:
        RecipeInvalid: there is no such option, or the other trunk has other sizes.
        AdapterMissing: the other trunk was not trained.
        CorpusInvalid: data are missing.
        WeightsMissing: a model is not installed.
    """

    def __init__(self, recipe: Recipe, folder: Path, device: str) -> None:
        import torch

        from engines.training.networks.trunk import Trunk

        start = _start(recipe, folder)
        tuned = recipe.encoder.tuned_layers
        self.data: Source = _data(recipe, new_encoder(tuned).to(device, torch.bfloat16) if tuned else None)
        self._recipe, self._folder = recipe, folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / PIECES
        if not file.is_file():
            (_choose(self.data, recipe) if start is None else Inventory.read(start / PIECES)).write(file)
        self.inventory = Inventory.read(file)
        torch.manual_seed(recipe.seed)
        size = _trunk_size(recipe, self.inventory)
        (folder / SIZE).write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
        if tuned:
            (folder / ENCODER).write_text(json.dumps({"tuned_layers": tuned}) + "\n", encoding="utf-8")
        self.trunk = Trunk(size).to(device, torch.bfloat16)
        if start is not None:
            self._go_on_from(start)

    def _go_on_from(self, start: Path) -> None:
        before, _ = load_trunk(start)
        if before.size != self.trunk.size:
            raise RecipeInvalid(
                f"The recipe {self._recipe.id} starts from {start.name}, which has other sizes or pieces.",
                "Give both the same [network] and begin anew with --restart.",
            )
        self.trunk.load_state_dict(before.state_dict())

    def trainee(self, stage: Stage) -> Any:
        """What the loop trains in a stage."""
        recipe, data = self._recipe, self.data
        how: dict[str, Any] = {"batch_seconds": stage.batch_seconds, "seed": recipe.seed}
        if isinstance(data, EncodedSound):
            scale = recipe.encoder.learning_rate_scale
            return TunedTrunkTrainee(self.trunk, data, self.inventory, recipe.data, scale=scale, **how)
        return TrunkTrainee(self.trunk, data, self.inventory, recipe.data, **how)

    def keeps(self, stage: Stage) -> bool:
        """Whether the best of a stage is the best of the run."""
        return stage.name == "ctc"

    def parameters(self) -> dict[str, int]:
        """Part → how many parameters are trained."""
        found = {"trunk": sum(value.numel() for value in self.trunk.parameters())}
        if isinstance(self.data, EncodedSound):
            found["encoder"] = sum(value.numel() for value in self.data.encoder.trained().values())
        return found


class AdapterBench:
    """Trunk, adapter and language model with a LoRA; the encoder as the trunk left it.

    Args:
        recipe: of an adapter.
        folder: of the run; that of the trunk lies beside it.
        device: ``cpu`` or ``cuda``.

    Attributes:
        data: what is trained on.

    Raises:
        RecipeInvalid: the adapter is outside of its budget.
        AdapterMissing: the trunk was not trained.
        CorpusInvalid: data are missing.
        WeightsMissing: a model is not installed.
    """

    def __init__(self, recipe: Recipe, folder: Path, device: str) -> None:
        import torch

        from engines.training.networks import adapters
        from engines.training.networks.gemma import TorchGemma
        from engines.training.networks.speech_llm import SpeechLanguageModel

        self._recipe, self._folder = recipe, folder
        trunk, self.inventory = load_trunk(folder.parent / recipe.trunk)
        encoder = load_encoder(folder.parent / recipe.trunk, BEST)
        self.data: Source = _data(recipe, None if encoder is None else encoder.to(device, torch.bfloat16))
        gemma = TorchGemma.load(WeightStore().path(LANGUAGE_MODEL), torch.bfloat16)
        pieces = [self.inventory.pieces[place].text for place in self.inventory.ctc.tolist()]
        torch.manual_seed(recipe.seed)
        embeddings = gemma.embed(torch.tensor(gemma.full_ids(pieces)))
        adapter = adapters.build(recipe.kind, trunk.size.width, recipe.network, embeddings)
        self.adapter_parameters = sum(value.numel() for value in adapter.parameters())
        require_budget(recipe, self.adapter_parameters)
        lora = gemma.adapt(recipe.lora)
        self.lora_parameters = sum(value.numel() for value in lora)
        head = gemma.writable(self.inventory)
        self.model = SpeechLanguageModel(trunk, adapter, gemma, head).to(device, torch.bfloat16)
        self._encode = gemma.encoder(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json")

    def trainee(self, stage: Stage) -> Any:
        """What the loop trains in a stage."""
        trained: dict[str, Any] = {f"adapter.{name}": value for name, value in self.model.adapter.named_parameters()}
        trained |= self.model.gemma.lora_parameters(trained=stage.name == "llm")
        return AdapterTrainee(
            self.model, trained, self.data, self.inventory, self._encode, self._recipe.data,
            matching=stage.name == "matching", batch_seconds=stage.batch_seconds, seed=self._recipe.seed,
        )  # fmt: skip

    def keeps(self, stage: Stage) -> bool:
        """Whether the best of a stage is the best of the run."""
        return stage.name == "llm"

    def parameters(self) -> dict[str, int]:
        """Part → how many parameters are trained."""
        return {"adapter": self.adapter_parameters, "lora": self.lora_parameters}


def _trunk_size(recipe: Recipe, inventory: Inventory) -> TrunkSize:
    from engines.training.networks.trunk import TrunkSize

    network = recipe.network
    return TrunkSize(
        width=network.width, layers=network.layers, heads=network.heads, inner=network.inner, kernel=network.kernel,
        characters=len(inventory.characters), pieces=len(inventory.ctc), dropout=network.dropout,
    )  # fmt: skip


def load_trunk(folder: Path) -> tuple[Trunk, Inventory]:
    """The best trunk of a run, and its pieces.

    Raises:
        AdapterMissing: it was not trained.
    """
    import torch
    from safetensors.torch import load_file

    from engines.training.networks.trunk import Trunk, TrunkSize

    if not (folder / BEST).is_file():
        raise AdapterMissing(f"The trunk was not trained yet ({folder}).", f"Run `triptych train {folder.name}` first.")
    trunk = Trunk(TrunkSize(**json.loads((folder / SIZE).read_text(encoding="utf-8")))).to(torch.bfloat16)
    trunk.load_state_dict(trunk_part(load_file(folder / BEST)))
    return trunk.eval(), Inventory.read(folder / PIECES)


def _data(recipe: Recipe, encoder: SpeechEncoder | None) -> Source:
    """The clips with states that were computed before, or with sound for an encoder that is or was tuned."""
    folder = paths.data() / "training" / "corpora"
    if encoder is None:
        return SpeechData(folder, recipe.data.corpora)
    return EncodedSound(folder, recipe.data.corpora, encoder)


def _start(recipe: Recipe, folder: Path) -> Path | None:
    """The run that a trunk goes on from."""
    unknown = sorted(set(recipe.options) - {"start"})
    if unknown:
        reason = f"The recipe {recipe.id} sets {', '.join(unknown)}, which a trunk does not have."
        raise RecipeInvalid(reason, "Under [options] a trunk knows start.")
    if not recipe.options.get("start"):
        return None
    start = folder.parent / str(recipe.options["start"])
    if not (start / BEST).is_file():
        reason = f"The recipe {recipe.id} starts from {start.name}, which was not trained yet ({start})."
        raise AdapterMissing(reason, f"Run `triptych train {start.name}` first.")
    if (start / ENCODER).is_file():
        reason = f"The recipe {recipe.id} starts from {start.name}, which has an encoder of its own."
        raise RecipeInvalid(reason, "Start from a trunk on the frozen encoder.")
    return start


def _choose(data: Source, recipe: Recipe) -> Inventory:
    from tokenizers import Tokenizer

    from engines.training.inventory import choose

    tokenizer = Tokenizer.from_file(str(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json"))
    texts = [(clip.text, clip.language) for clip in data.clips if clip.split == "train"]
    texts += [(clip.english, "en") for clip in data.clips if clip.split == "train" and clip.english]
    languages = {*recipe.data.languages, *recipe.data.translate}
    return choose([pair for pair in texts if pair[1] in languages | {"en"}], tokenizer)


def require_budget(recipe: Recipe, count: int) -> None:
    """Checks that an adapter trains as many parameters as its recipe allows.

    Raises:
        RecipeInvalid: it does not.
    """
    budget = recipe.budget
    if budget is not None and abs(count / budget.adapter_parameters - 1) > budget.tolerance:
        raise RecipeInvalid(
            f"The adapter of {recipe.id} has {count:,} parameters; {budget.adapter_parameters:,} ± "
            f"{100 * budget.tolerance:g} % are allowed.",
            "Change its sizes under [network].",
        )
