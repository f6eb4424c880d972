"""Where speech is: Silero voice activity detection over any length of audio.

The network (Silero VAD 6, https://github.com/snakers4/silero-vad, MIT) gives the probability of speech for every 32 ms.
The graph used is its sequence form, which runs 512 frames in one call and gives exactly the probabilities of the
streaming form. Audio is read in blocks, so that a mapped file of hours is never held whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.audio.segmentation import FRAME_SAMPLES, pack, pad, speech_runs
from engines.contract import SAMPLE_RATE, Samples, Segments
from engines.counting import Session
from engines.errors import GraphInvalid

LONGEST_SECONDS = 30.0
"""No span is longer: what a Whisper encoder takes at once."""

FILE_NAME = "silero_vad_16k_sequence.onnx"

_CONTEXT_SAMPLES = 64
_BLOCK_FRAMES = 512
_MARGIN = 0.2
_NARROW_MARGIN = 0.05


class VoiceActivity:
    """Silero voice activity detection.

    Args:
        session: its graph in the sequence form: ``input`` (frames, 576), ``h`` and ``c`` (1, 1, 128).
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session

    @classmethod
    def open(cls, folder: Path) -> VoiceActivity:
        """Opens the detector in the folder of its weights; it runs on one thread of the CPU.

        Raises:
            GraphInvalid: the file is missing or damaged.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = folder / FILE_NAME
        try:
            return cls(Session(str(path), options, providers=["CPUExecutionProvider"]))
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            message = "The voice activity detector could not be loaded."
            raise GraphInvalid(message, "Run `triptych models fetch silero-vad`.") from error

    def probabilities(self, samples: Samples, check: Callable[[], None] | None = None) -> NDArray[np.float32]:
        """The probability of speech in every 32 ms.

        Args:
            samples: 16 kHz mono, ``(n,)``; may be mapped.
            check: called after every block (16 s of audio); stops the work by raising.

        Returns:
            ``(ceil(n / 512),)`` values in [0, 1]; the last frame is filled up with silence.
        """
        frames = -(-samples.shape[0] // FRAME_SAMPLES)
        result = np.empty(frames, np.float32)
        stream = self.stream()
        for first in range(0, frames, _BLOCK_FRAMES):
            if check is not None:
                check()
            part = samples[first * FRAME_SAMPLES : (first + _BLOCK_FRAMES) * FRAME_SAMPLES]
            result[first : first + _BLOCK_FRAMES] = stream.probabilities(part)
        return result

    def stream(self) -> VoiceStream:
        """A detector for speech that comes block by block; it begins in silence."""
        return VoiceStream(self._session)

    def speech(self, samples: Samples, check: Callable[[], None] | None = None) -> Segments:
        """The stretches in which somebody speaks, with pauses from 0.1 s on left out.

        Args:
            samples: 16 kHz mono, ``(n,)``; may be mapped.
            check: called after every 16 s of audio; stops the work by raising.

        Returns:
            Padded spans, each at most 30 s; none where there is no speech.
        """
        return self._segments(samples, check, packed=False)

    def segments(self, samples: Samples, check: Callable[[], None] | None = None) -> Segments:
        """The spans to recognise one by one.

        Up to 30 s of audio these are the stretches of :meth:`speech`. Longer audio is cut into as few spans as fit,
        at the longest pauses that allow it; pauses of two seconds and more are always left out.

        Args:
            samples: 16 kHz mono, ``(n,)``; may be mapped.
            check: called after every 16 s of audio; stops the work by raising.

        Returns:
            Padded spans, each at most 30 s; none where there is no speech.
        """
        return self._segments(samples, check, packed=samples.shape[0] > LONGEST_SECONDS * SAMPLE_RATE)

    def _segments(self, samples: Samples, check: Callable[[], None] | None, *, packed: bool) -> Segments:
        seconds = samples.shape[0] / SAMPLE_RATE
        margin = _MARGIN if packed else _NARROW_MARGIN
        longest = LONGEST_SECONDS - 2 * margin
        runs = speech_runs(self.probabilities(samples, check), longest)
        return Segments(tuple(pad(pack(runs, longest) if packed else runs, margin, seconds)))


class VoiceStream:
    """The same network on speech as it comes; its state is carried from block to block.

    Args:
        session: as for :class:`VoiceActivity`.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._hidden = self._cell = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        """The probability of speech in the frames that follow.

        Args:
            samples: ``(n,)``, from the next frame on. A last frame that is not whole is filled up with silence, so
                that only the last block of a stream may have one.

        Returns:
            ``(ceil(n / 512),)`` values in [0, 1].
        """
        count = -(-samples.shape[0] // FRAME_SAMPLES)
        if count == 0:
            return np.zeros(0, np.float32)
        padded = np.zeros((count + 1) * FRAME_SAMPLES, np.float32)
        padded[FRAME_SAMPLES - _CONTEXT_SAMPLES : FRAME_SAMPLES] = self._context
        padded[FRAME_SAMPLES : FRAME_SAMPLES + samples.shape[0]] = samples
        rows = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES + _CONTEXT_SAMPLES)
        block = np.ascontiguousarray(rows[FRAME_SAMPLES - _CONTEXT_SAMPLES :: FRAME_SAMPLES])
        self._context = block[-1, -_CONTEXT_SAMPLES:]
        values, self._hidden, self._cell = self._session.run(
            ["speech_probs", "hn", "cn"], {"input": block, "h": self._hidden, "c": self._cell}
        )
        return np.asarray(values.reshape(-1), np.float32)
