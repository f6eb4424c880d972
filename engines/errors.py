"""Every failure that a user can cause, as a class with one sentence and one hint.

``str(error)`` is the sentence shown to a person. It names the thing; ``hint`` says what to do about it.
"""

from __future__ import annotations


class TriptychError(Exception):
    """Base of all errors that are shown to a person as a sentence.

    Args:
        message: one sentence naming the thing.
        hint: one sentence that says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        """The class name, as it appears in ``Failed.kind``."""
        return type(self).__name__

    def __reduce__(self) -> tuple[type[TriptychError], tuple[str, str]]:
        """Errors cross process borders with both sentences."""
        return type(self), (self.message, self.hint)


class BadInput(TriptychError):
    """What the user gave cannot be used; the command line exits with 2."""

    exit_code = 2


class AudioUnreadable(BadInput):
    """The file is missing, empty, broken, has no sound, or is not audio."""


class AudioUnusable(BadInput):
    """The sound was read but cannot be worked with (no samples, NaN, absurd rate)."""


class UnknownEngine(BadInput):
    """No engine of that id is in the catalogue."""


class UnknownTask(BadInput):
    """No such task."""


class UnknownLanguage(BadInput):
    """No such language, or the engine does not know it."""


class UnknownModel(BadInput):
    """No such model in the weight manifest."""


class BadOption(BadInput):
    """A setting has an impossible value."""


class Unavailable(TriptychError):
    """An engine cannot run because something is not installed or not accepted."""


class WeightsMissing(Unavailable):
    """Model files are not installed."""


class LicenceNotAccepted(Unavailable):
    """A model's licence must be accepted first."""


class MemoryShort(Unavailable):
    """There is less free memory than a model takes."""


class TrainingUnavailable(Unavailable):
    """The libraries for training are not installed."""


class TaskUnsupported(Unavailable):
    """The engine does not do this task."""


class WeightsCorrupt(TriptychError):
    """A file does not have the digest in the manifest."""


class FetchFailed(TriptychError):
    """A file could not be had from any source."""


class DiskFull(TriptychError):
    """There is no room for a file."""


class GraphInvalid(TriptychError):
    """A model graph could not be built or loaded."""


class ProviderUnavailable(TriptychError):
    """The requested execution provider does not work here."""


class VoiceUnavailable(TriptychError):
    """There is no voice for the language."""


class TextUnspeakable(TriptychError):
    """Nothing in the text can be pronounced."""


class ServerUnreachable(TriptychError):
    """The configured language-model server does not answer as it should."""


class MicrophoneUnavailable(TriptychError):
    """No microphone, or it is busy, or it went away."""


class SpeakerUnavailable(TriptychError):
    """No loudspeaker, or it is busy, or it went away."""


class EngineCrashed(TriptychError):
    """The child process that ran the engine ended unexpectedly."""


class Cancelled(TriptychError):
    """The user cancelled."""


class RecipeInvalid(BadInput):
    """A training recipe says something impossible."""


class CorpusInvalid(BadInput):
    """Training data are missing, empty or damaged."""


class TrainingDiverged(TriptychError):
    """The loss is no number any more; the last good weights were kept."""


class AdapterMissing(Unavailable):
    """The trained weights of an adapter are not there."""


class AdapterMismatch(Unavailable):
    """An adapter was trained for another encoder, language model or trunk."""


class TokensInvalid(BadInput):
    """A stream of tokens has another codebook count, size or rate than its reader takes, wrong ids, or lacks frames."""


class SpeechTooLong(TokensInvalid):
    """Tokens would be spoken for longer than is allowed; what comes before that was spoken."""


class HistoryUnavailable(TriptychError):
    """The history cannot be read or written here."""


class HistoryLocked(HistoryUnavailable):
    """Another program holds the history."""


class HistoryNewer(HistoryUnavailable):
    """The history was written by a newer version of the program."""


class HistoryDamaged(TriptychError):
    """Something in the history cannot be read any more."""


class RunUnreadable(TriptychError):
    """What one engine did in a run that was kept cannot be read any more."""


class UnknownEntry(BadInput):
    """No such entry in the history, or an abbreviation of several."""


class SessionInvalid(BadInput):
    """A file is no session, is damaged, or is not what it says it is."""


class SessionNewer(BadInput):
    """A session was saved by a newer version of the program."""
