"""The weights that were fetched are those of the manifest."""

from __future__ import annotations

import pytest

from engines.weights import manifest
from engines.weights.store import WeightStore


@pytest.mark.parametrize("model_id", [model.id for model in manifest.load().models])
def test_installed_weights_have_the_digests_of_the_manifest(model_home, model_id):
    WeightStore(model_home).verify(model_id)
