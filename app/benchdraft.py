"""A bench as it is put together in the window, and as the file that says the same. No Qt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from engines import paths
from engines.catalog import Catalogue
from engines.errors import BadInput
from engines.evaluation import bench_spec
from engines.evaluation.bench_spec import Spec

Draft = dict[str, Any]
"""What a spec's TOML says, with whole paths."""

USUAL: Final = (
    "clean", "babble-20", "babble-10", "babble-0", "white-10", "room-0.8", "telephone", "speed-1.5", "gaps-10",
)  # fmt: skip
"""Conditions that are offered."""
UNSEEN: Final = {"name": "unseen", "kind": "unseen"}


def bundled() -> Path:
    """The file of the bench that comes with the program."""
    return paths.resources() / "bench" / "fair-comparison.toml"


def opened(file: Path, catalogue: Catalogue) -> Draft:
    """What a file says.

    Raises:
        BadInput: it is no bench.
    """
    said = bench_spec.read(file, catalogue).model_dump(by_alias=True, exclude_none=True)
    return {key: _plain(value, file.parent) for key, value in said.items()}


def _plain(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return str((folder / value).absolute())
    if isinstance(value, Mapping):
        return {key: _plain(one, folder) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one, folder) for one in value]
    return value


def spec_of(draft: Draft, catalogue: Catalogue) -> Spec:
    """The spec that a draft stands for, read as the command line reads it.

    Raises:
        BadInput: it is no bench.
    """
    return bench_spec.parsed(as_toml(draft), Path("bench.toml"), catalogue)


def as_toml(draft: Draft) -> str:
    """A file for ``triptych bench``."""
    lines = [f"{key} = {_value(value)}" for key, value in draft.items() if key != "corpus"]
    for corpus in draft.get("corpus", ()):
        lines += ["", "[[corpus]]", *(f"{key} = {_value(value)}" for key, value in corpus.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def saved(draft: Draft, file: Path) -> None:
    """Writes a draft.

    Raises:
        BadInput: it cannot be written.
    """
    written(file.parent, {file.name: as_toml(draft)})


def written(folder: Path, files: Mapping[str, str]) -> None:
    """Writes files of text.

    Raises:
        BadInput: one cannot be written.
    """
    for name, text in files.items():
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{folder / name} cannot be written: {error.strerror}.", "Choose another place.") from error
