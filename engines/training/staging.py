"""Packs everything that training needs into a folder for a machine that has Python and torch and nothing else.

The folder holds one archive, cut into pieces that are each small enough to be sent alone, their digests, and a script
that puts it together, trains, and leaves the weights in pieces that are small enough to commit. Nothing is fetched
there: what the machine's Python lacks travels as wheels.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from engines import paths
from engines.contract import Preparing
from engines.errors import BadInput, WeightsMissing

PIECE_BYTES: Final = 60_000_000
"""Of a piece at most, so that it stays under 64 MB with what carries it."""
WEIGHT_BYTES: Final = 15_000_000
"""Of a piece of what comes back."""
PARTS: Final = ("whisper-base", "gemma-3-270m")
"""Models whose weights and graphs are packed."""
OVERLAY: Final = "gpu.toml"

_CODE: Final = ("engines", "export")
_RESOURCES: Final = ("recipes", "adapters", "vocabularies", "samples", "engines", "prompts", "licences", "weights.toml")

_RUN: Final = """\
#!/usr/bin/env bash
# Puts the pieces together, trains all recipes and leaves weights, curves and a log in $OUT (default: out beside this
# file). MINUTES bounds the training (default 20), DEVICE says where (default cuda), PYTHON is one that has torch.
set -euo pipefail
here="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
work="${{WORK:-$here/work}}" out="${{OUT:-$here/out}}" python="${{PYTHON:-python3}}"
mkdir -p "$work" "$out"
if [ ! -f "$work/.joined" ]; then
  (cd "$here" && sha256sum --check --quiet SHA256SUMS >&2)
  cat "$here"/pieces/staged.tar.* | tar --extract --directory "$work" --no-same-owner
  touch "$work/.joined"
fi
if [ ! -d "$work/site" ] && compgen -G "$work/wheels/*.whl" >/dev/null; then
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$work/site" "$work"/wheels/*.whl
fi
export PYTHONPATH="$work/code:$work/site" TRIPTYCH_HOME="$work/home" TRIPTYCH_ADAPTERS="$work/adapters"
export PYTHONUNBUFFERED=1
set +e
"$python" -m export.training --overlay "$work/code/resources/recipes/{overlay}" --device "${{DEVICE:-cuda}}" \\
  --minutes "${{MINUTES:-20}}" --output "$work/runs" "$@" {recipes} 2>&1 | tee "$out/training.log"
code="${{PIPESTATUS[0]}}"
"$python" -m export.training --collect "$TRIPTYCH_ADAPTERS" --output "$out"
exit "$code"
"""


@dataclass(frozen=True)
class _Member:
    """A file of the archive."""

    name: str
    file: Path


def stage(
    folder: Path,
    recipes: Sequence[Path],
    *,
    corpora: Iterable[str] | None = None,
    wheels: Path | None = None,
    features: bool = False,
    piece_bytes: int = PIECE_BYTES,
) -> Iterator[Preparing]:
    """Packs data, weights, recipes and code.

    Args:
        folder: empty or new.
        recipes: what is trained, in this order; files that lie beside each other with what they name.
        corpora: names of the training data; those that the recipes name by default.
        wheels: folder with wheels for the other machine.
        features: whether the encoder's states travel too; they are twenty times as large as the sound that they are
            computed from, so as a rule the other machine computes them.
        piece_bytes: of a piece at most.

    Yields:
        progress in bytes.

    Raises:
        BadInput: the folder is not empty or cannot be written, a recipe or a corpus is missing.
        WeightsMissing: a model is not ready.
    """
    if not recipes:
        raise BadInput("No recipe was named to stage.", "Name recipes, or leave them out for all bundled ones.")
    _require_empty(folder)
    chosen = tuple(corpora) if corpora is not None else _corpora_of(recipes)
    members = [*_code(), *_recipes(recipes), *_models(), *_decoders(chosen)]
    members += [*_data(chosen, features=features), *_wheels(wheels)]
    total = sum(member.file.stat().st_size for member in members)
    try:
        pieces = folder / "pieces"
        pieces.mkdir(parents=True)
        with _Splitter(pieces / "staged.tar", piece_bytes) as out, tarfile.open(fileobj=out, mode="w|") as tar:
            done = 0
            for member in members:
                yield Preparing("Packing", done, total)
                _add(tar, member)
                done += member.file.stat().st_size
        names = [recipe.name for recipe in recipes]
        (folder / "SHA256SUMS").write_text(
            "".join(f"{digest}  pieces/{name}\n" for name, digest, _ in out.written), encoding="utf-8"
        )
        listed = {
            "schema": 1,
            "recipes": names,
            "corpora": list(chosen),
            "bytes": total,
            "pieces": [{"name": name, "sha256": digest, "bytes": size} for name, digest, size in out.written],
            "files": [{"name": member.name, "bytes": member.file.stat().st_size} for member in members],
        }
        (folder / "manifest.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
        places = " ".join(f'"$work/code/resources/recipes/{name}"' for name in names)
        (folder / "run.sh").write_text(_RUN.format(overlay=OVERLAY, recipes=places), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}.", "Name another folder.") from error
    yield Preparing("Packing", total, total)


def collect(runs: Path, output: Path, *, piece_bytes: int = WEIGHT_BYTES) -> list[Path]:
    """Packs what training made, cards with what lies beside them and curves, into pieces small enough to commit.

    Args:
        runs: folder of the runs.
        output: where ``weights.tar.000`` and so on are written; joined, they unpack into ``resources/adapters``.
        piece_bytes: of a piece at most.

    Returns:
        the pieces; none where nothing was trained.

    Raises:
        BadInput: they cannot be written.
    """
    cards = sorted(runs.rglob("card.toml"))
    members = [
        _Member((Path(card.parent.name) / file.relative_to(card.parent)).as_posix(), file)
        for card in cards
        for file in sorted(card.parent.rglob("*"))
        if file.is_file() and file.suffix not in {".pt", ".part"}
    ]
    if not members:
        return []
    try:
        output.mkdir(parents=True, exist_ok=True)
        with _Splitter(output / "weights.tar", piece_bytes) as out, tarfile.open(fileobj=out, mode="w|") as tar:
            for member in members:
                _add(tar, member)
    except OSError as error:
        raise BadInput(f"{output} cannot be written: {error.strerror}.", "Name another folder.") from error
    return [output / name for name, _, _ in out.written]


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not an empty folder.", "Name a new one.")


def _corpora_of(recipes: Sequence[Path]) -> tuple[str, ...]:
    from engines.training.recipes import read

    names: list[str] = []
    for recipe in recipes:
        overlay = recipe.parent / OVERLAY
        names += read(recipe, overlay if overlay.is_file() else None).data.corpora
    return tuple(dict.fromkeys(names))


def _code() -> list[_Member]:
    root = paths.resources().parent
    found = [
        _Member(f"code/{file.relative_to(root).as_posix()}", file)
        for package in _CODE
        for file in sorted((root / package).rglob("*.py"))
    ]
    for name in _RESOURCES:
        place = paths.resources() / name
        found += _tree(place, f"code/resources/{name}") if place.exists() else []
    return found


def _recipes(recipes: Sequence[Path]) -> list[_Member]:
    """The user's own recipes with all that lies beside them; bundled ones travel with the code."""
    bundled = paths.resources() / "recipes"
    found: dict[str, _Member] = {}
    for recipe in recipes:
        if recipe.parent.resolve() == bundled.resolve():
            continue
        for file in sorted(recipe.parent.glob("*.toml")):
            found[file.name] = _Member(f"code/resources/recipes/{file.name}", file)
    return list(found.values())


def _models() -> list[_Member]:
    weights, graphs = paths.data() / "weights", paths.cache() / "graphs"
    found = []
    for model in PARTS:
        pointer = graphs / f"{model}.current"
        if not (weights / model).is_dir() or not pointer.is_file():
            raise WeightsMissing(f"The model {model} is not ready to run.", f"Run `triptych models fetch {model}`.")
        built = pointer.read_text(encoding="utf-8").strip()
        found += _tree(weights / model, f"home/data/weights/{model}")
        found += _tree(graphs / built, f"home/cache/graphs/{built}")
        found.append(_Member(f"home/cache/graphs/{pointer.name}", pointer))
    licences = paths.data() / "licences.json"
    return [*found, _Member("home/data/licences.json", licences)] if licences.is_file() else found


def _decoders(corpora: Iterable[str]) -> list[_Member]:
    """The decoders of the voices whose latents are among the data; the voices themselves are not needed there."""
    graphs, found = paths.cache() / "graphs", []
    for name in corpora:
        card = paths.data() / "training" / "corpora" / name / "features" / "latents.json"
        if card.is_file():
            pointer = graphs / f"{json.loads(card.read_text(encoding='utf-8'))['voice']}.current"
            if not pointer.is_file():
                raise WeightsMissing(
                    f"The voice {pointer.stem} is not ready.", f"Run `triptych models fetch {pointer.stem}`."
                )
            built = pointer.read_text(encoding="utf-8").strip()
            found += [_Member(f"home/cache/graphs/{pointer.name}", pointer)]
            found += _tree(graphs / built, f"home/cache/graphs/{built}")
    return list({member.name: member for member in found}.values())


def _data(corpora: Iterable[str], *, features: bool) -> list[_Member]:
    root = paths.data() / "training" / "corpora"
    found = []
    for name in corpora:
        if not (root / name / "manifest.jsonl").is_file():
            reason = f"The training data {name} are missing ({root / name})."
            raise BadInput(reason, "Make them with `triptych train --data`.")
        found += [
            member
            for member in _tree(root / name, f"home/data/training/corpora/{name}")
            if features or "/features/" not in member.name or "/features/latents." in member.name
        ]
    return found


def _wheels(folder: Path | None) -> list[_Member]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder.", "Name the folder that holds the wheels.")
    return [_Member(f"wheels/{file.name}", file) for file in sorted(folder.glob("*.whl"))]


def _tree(place: Path, name: str) -> list[_Member]:
    if place.is_file():
        return [_Member(name, place)]
    return [
        _Member(f"{name}/{file.relative_to(place).as_posix()}", file)
        for file in sorted(place.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".lock"
    ]


def _add(tar: tarfile.TarFile, member: _Member) -> None:
    entry = tarfile.TarInfo(member.name)
    entry.size, entry.mode = member.file.stat().st_size, 0o644
    with member.file.open("rb") as file:
        tar.addfile(entry, file)


class _Splitter(io.RawIOBase):
    """Writes a stream into numbered files of bounded size.

    Attributes:
        written: name, hex sha256 and bytes of every file, once it is closed.
    """

    def __init__(self, stem: Path, limit: int) -> None:
        super().__init__()
        self.written: list[tuple[str, str, int]] = []
        self._stem = stem
        self._limit = limit
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        done = 0
        while done < len(view):
            if self._file is None or self._size == self._limit:
                self._next()
            assert self._file is not None
            part = view[done : done + self._limit - self._size]
            self._file.write(part)
            self._digest.update(part)
            self._size += len(part)
            done += len(part)
        return done

    def close(self) -> None:
        if not self.closed:
            self._end()
        super().close()

    def _next(self) -> None:
        self._end()
        self._file = self._stem.with_name(f"{self._stem.name}.{len(self.written):03}").open("wb")
        self._digest, self._size = hashlib.sha256(), 0

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self.written.append((Path(self._file.name).name, self._digest.hexdigest(), self._size))
            self._file = None
