"""The JSON document of a comparison, schema 1."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

import psutil

from app.commands.evidence import as_json
from app.comparison import Comparison, EngineRun
from app.scoring import score
from engines.contract import Task
from engines.errors import TriptychError
from engines.evaluation.machine import processor

Json = dict[str, Any]


def comparison_document(
    comparison: Comparison,
    *,
    mode: str,
    repeats: int | None,
    speech: dict[str, str],
    threads: int = 0,
    evidence: bool = False,
) -> Json:
    """The document of one comparison; all keys are always present.

    Args:
        comparison: all of its runs are over.
        mode: ``"interactive"`` or ``"isolated"``.
        repeats: as it was asked for.
        speech: engine id → path of its synthesised speech.
        threads: as it was asked for.
        evidence: whether it holds all evidence; otherwise that is null.
    """
    utterance = comparison.utterance
    return {
        "schema": 1,
        "utterance": {
            "source": utterance.source,
            "seconds": round(utterance.seconds, 3),
            "digest": utterance.digest,
            "language": utterance.language,
            "reference": utterance.reference,
            "reference_translation": utterance.reference_translation,
            "notes": list(utterance.notes),
        },
        "task": str(comparison.task),
        "target": comparison.target,
        "mode": mode,
        "repeats": repeats,
        "machine": machine(threads),
        "results": [
            {
                **_result(run, comparison, speech.get(run.engine.id)),
                "evidence": [as_json(found) for found in run.evidence] if evidence else None,
            }
            for run in comparison.runs.values()
        ],
        "error": None,
    }


def failed_document(source: str, task: Task, target: str | None, mode: str, error: TriptychError) -> Json:
    """The document of an audio file that could not be used."""
    return {
        "schema": 1,
        "utterance": {"source": source, "seconds": None, "digest": None},
        "task": str(task),
        "target": target,
        "mode": mode,
        "repeats": None,
        "machine": machine(0),
        "results": [],
        "error": {"kind": error.kind, "message": error.message, "hint": error.hint},
    }


def _result(run: EngineRun, comparison: Comparison, speech: str | None) -> Json:
    result, error = run.result, run.error
    rtf = run.rtf(comparison.utterance.seconds)
    scores = score(run, comparison.utterance, comparison.target)
    sound = run.speech()
    return {
        "engine": run.engine.id,
        "paradigm": run.engine.paradigm,
        "strategy": run.engine.strategy,
        "status": str(run.status) if error is None or str(run.status) != "cancelled" else "failed",
        "transcript": run.transcript,
        "translation": run.translation,
        "answer": run.answer,
        "speech": speech,
        "speech_seconds": None if sound is None else round(sound[0].shape[0] / sound[1], 3),
        "language": run.language,
        "seconds": _rounded(run.seconds) if result is not None else None,
        "first_text_seconds": _rounded(run.first_text_seconds),
        "first_audio_seconds": _rounded(run.first_audio_seconds),
        "rtf": _rounded(rtf),
        "stages": [
            {
                "name": stage.name,
                "seconds": _rounded(stage.seconds),
                "shared": stage.shared,
                "shared_seconds": _rounded(stage.shared_seconds),
            }
            for stage in run.stages
        ],
        "provider": None if result is None else result.provider,
        "precision": None if result is None else result.precision,
        "components": {} if result is None else dict(result.components),
        "peak_memory_bytes": run.peak_memory_bytes,
        "scores": {name: round(value, 6) for name, value in scores.values.items()},
        "score_signatures": scores.signatures,
        "notes": [] if result is None else list(result.notes),
        "error": None if error is None else {"kind": error.kind, "message": error.message, "hint": error.hint},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def machine(threads: int) -> Json:
    """Where it was measured."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "onnxruntime": metadata.version("onnxruntime"),
    }
