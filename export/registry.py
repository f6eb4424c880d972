"""Which models need graphs built from their weights, and by what.

A builder is a function ``build(weights: Path, target: Path) -> None`` that reads a model's folder and fills an empty
one. Raise its version whenever what it writes changes: graphs of another version are built anew.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from engines.weights.manifest import Model


@dataclass(frozen=True)
class Builder:
    """Names a builder without importing it.

    Attributes:
        module: where it is.
        function: its name there.
        version: of what it writes.
    """

    module: str
    function: str
    version: int

    def load(self) -> Callable[[Path, Path], None]:
        """Imports the builder."""
        return cast("Callable[[Path, Path], None]", getattr(importlib.import_module(self.module), self.function))

    def digest(self, model: Model) -> str:
        """Hex sha256 of everything that goes into a model's graphs: its weights, and the builder with its version."""
        text = f"{model.digest} {self.module}:{self.function} {self.version}"
        return hashlib.sha256(text.encode()).hexdigest()


BUILDERS: dict[str, Builder] = {
    "whisper-base": Builder("export.whisper", "build", 3),
    "gemma-3-270m": Builder("export.causal_lm", "build_gemma", 3),
    "smollm2-135m-instruct": Builder("export.causal_lm", "build_smollm2", 2),
    "piper-en-us-joe": Builder("export.vocoder_decoder", "build", 1),
}
"""By model id. Models that are not here run from their weight folders; so does Piper where it reads text."""
