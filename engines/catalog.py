"""Which engines exist, what they can do, and how each is built.

An engine is a description (``resources/engines/*.toml``) and a factory, named in a literal dictionary.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines import paths
from engines.contract import Engine, OptionValue, Paradigm, Request, Task
from engines.errors import BadOption, TaskUnsupported, UnknownEngine, UnknownLanguage, UnknownTask
from engines.languages import NAMES

FACTORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "whisper": "engines.text.baseline:build",
        "rescoring": "engines.text.rescoring:build",
        "correction": "engines.text.correction:build",
        "experts": "engines.text.experts:build",
        "cascade": "engines.text.cascade:build",
        "latent-convolution": "engines.latent.engine:build_convolution",
        "latent-ctc": "engines.latent.engine:build_ctc",
        "latent-qformer": "engines.latent.engine:build_qformer",
        "latent-pooling": "engines.latent.engine:build_pooling",
        "token-semantic": "engines.tokens.engine:build_semantic",
        "token-acoustic": "engines.tokens.engine:build_acoustic",
        "token-hybrid": "engines.tokens.engine:build_hybrid",
        "token-duplex": "engines.tokens.duplex_engine:build",
    }
)
"""Engine id → ``"module:function"``; the function takes the process's components and returns the engine."""


class Option(BaseModel):
    """One setting of an engine.

    Attributes:
        type: what its values are.
        default: its value where none is given.
        minimum: smallest value of a number.
        maximum: largest value of a number.
        choices: the values of a ``choice``.
        label: for people.
        help: one sentence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["int", "float", "bool", "string", "choice"]
    default: OptionValue
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    label: str
    help: str

    def parse(self, name: str, value: OptionValue) -> OptionValue:
        """Turns a value, perhaps written as text, into one of the option's type and range.

        Raises:
            BadOption: it is none.
        """
        match self.type:
            case "bool":
                return self._flag(name, value)
            case "choice":
                if str(value) not in self.choices:
                    raise BadOption(f"{name} cannot be {value!r}.", f"Choose one of {', '.join(self.choices)}.")
                return str(value)
            case "string":
                return str(value)
            case "int" | "float":
                return self._number(name, value)

    def _flag(self, name: str, value: OptionValue) -> bool:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        found = words.get(str(value).lower())
        if found is None:
            raise BadOption(f"{name} cannot be {value!r}.", "Give true or false.")
        return found

    def _number(self, name: str, value: OptionValue) -> int | float:
        try:
            number: int | float = float(value)
            if self.type == "int":
                if number != int(number):
                    raise ValueError  # noqa: TRY301 - one message for every way of being no whole number
                number = int(number)
        except (ValueError, OverflowError):
            kind = "a whole number" if self.type == "int" else "a number"
            raise BadOption(f"{name} cannot be {value!r}.", f"Give {kind}{self._range()}.") from None
        low = self.minimum is None or number >= self.minimum
        if not (low and (self.maximum is None or number <= self.maximum)):
            raise BadOption(f"{name} cannot be {value!r}.", f"Give a number{self._range()}.")
        return number

    def _range(self) -> str:
        if self.minimum is None or self.maximum is None:
            return ""
        return f" from {self.minimum} to {self.maximum}"


class EngineDescription(BaseModel):
    """What an engine is, for people and for front ends.

    Attributes:
        id: its name in commands and documents.
        name: its name for people.
        paradigm: which panel it belongs to.
        strategy: how speech and language model go together.
        summary: what it does, in about four words.
        description: the same in a sentence or two.
        stands_for: the systems of the literature that work this way.
        tasks: what it can be asked.
        targets: ISO 639-1 codes of the languages it can translate to; None for any.
        order: place among its paradigm's engines, smallest first.
        stages: names of its stages in order.
        components: role → model id, or ``"auto"`` where options and licences decide.
        adapters: trained adapters that it cannot do without, see :mod:`engines.weights.cards`.
        options: its settings by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    name: str
    paradigm: Paradigm
    strategy: str
    summary: str
    description: str
    stands_for: tuple[str, ...] = ()
    tasks: tuple[Task, ...]
    targets: tuple[str, ...] | None = None
    order: int = 0
    stages: tuple[str, ...]
    components: Mapping[str, str] = Field(default_factory=dict)
    adapters: tuple[str, ...] = ()
    options: Mapping[str, Option] = Field(default_factory=dict)

    def supports(self, task: Task, target: str | None = None) -> bool:
        """Whether it does a task, into a language if one is given."""
        if task not in self.tasks:
            return False
        return target is None or task is Task.TRANSCRIBE or self.targets is None or target in self.targets

    def require(self, request: Request) -> None:
        """Checks that it can be asked this.

        Raises:
            TaskUnsupported: it does not do the task.
            UnknownLanguage: it does not translate to the language.
        """
        if request.task not in self.tasks:
            able = ", ".join(self.tasks)
            raise TaskUnsupported(f"{self.name} does not do the task {request.task}.", f"It can {able}.")
        if not self.supports(request.task, request.target):
            target = NAMES.get(str(request.target), request.target)
            able = ", ".join(NAMES.get(code, code) for code in self.targets or ())
            raise UnknownLanguage(f"{self.name} does not translate into {target}.", f"It translates into {able}.")

    def resolve(self, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """All settings: the given ones checked and brought to their type, the others at their defaults.

        Raises:
            BadOption: there is no such setting, or it cannot have this value.
        """
        for name in options:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise BadOption(f"{self.name} has no option {name!r}.", f"Its options: {known}.")
        return {
            name: option.parse(f"{self.id}.{name}", options[name]) if name in options else option.default
            for name, option in self.options.items()
        }


class Catalogue:
    """The engines there are.

    Args:
        folder: holds one TOML file per engine; the program's own by default.
        factories: id → ``"module:function"``; the program's own by default. Engines are offered if they have both.
        extra: further descriptions, of engines that have a factory and no file.
    """

    def __init__(
        self,
        folder: Path | None = None,
        factories: Mapping[str, str] = FACTORIES,
        extra: tuple[EngineDescription, ...] = (),
    ) -> None:
        read = [read_description(file) for file in sorted((folder or paths.resources() / "engines").glob("*.toml"))]
        order = {"baseline": 0, "text": 1, "latent": 2, "token": 3}
        offered = [found for found in (*read, *extra) if found.id in factories]
        offered.sort(key=lambda found: (order[found.paradigm], found.order, found.id))
        self._descriptions = {found.id: found for found in offered}
        self._factories = dict(factories)

    @property
    def engines(self) -> tuple[EngineDescription, ...]:
        """All engines in the order in which they are shown."""
        return tuple(self._descriptions.values())

    @property
    def factories(self) -> Mapping[str, str]:
        """Engine id → ``"module:function"``."""
        return self._factories

    def joined(self, extra: tuple[EngineDescription, ...], factories: Mapping[str, str]) -> Catalogue:
        """These engines and some more, each with its factory."""
        made = Catalogue(factories={}, extra=())
        made._descriptions = {**self._descriptions, **{found.id: found for found in extra}}
        made._factories = {**self._factories, **factories}
        return made

    def describe(self, engine_id: str) -> EngineDescription:
        """One engine's description.

        Raises:
            UnknownEngine: there is none of that id.
        """
        try:
            return self._descriptions[engine_id]
        except KeyError:
            known = ", ".join(self._descriptions)
            raise UnknownEngine(f"There is no engine {engine_id!r}.", f"The engines are {known}.") from None

    def supporting(self, task: Task, target: str | None = None) -> tuple[EngineDescription, ...]:
        """The engines that do a task, into a language if one is given."""
        return tuple(found for found in self.engines if found.supports(task, target))


def read_description(file: Path) -> EngineDescription:
    """Reads one engine's description.

    Raises:
        BadOption: the file is not what it should be, or a default is outside its own range.
    """
    try:
        found = EngineDescription.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadOption(f"The engine description {file.name} is invalid: {reason}", "Reinstall Triptych.") from error
    for name, option in found.options.items():
        option.parse(f"{found.id}.{name}", option.default)
    return found


@cache
def default() -> Catalogue:
    """The program's own catalogue, read once."""
    return Catalogue()


def build(factory: str, components: object) -> Engine:
    """Builds an engine.

    Args:
        factory: ``"module:function"``.
        components: the parts that the process's engines share.
    """
    module, _, function = factory.partition(":")
    make = cast(Callable[[object], Engine], getattr(importlib.import_module(module), function))
    return make(components)


def parse_task(name: str) -> Task:
    """The task of a name.

    Raises:
        UnknownTask: there is none.
    """
    try:
        return Task(name)
    except ValueError:
        raise UnknownTask(f"There is no task {name!r}.", f"The tasks are {', '.join(Task)}.") from None
