"""Runs are noted while somebody counts, by stage, and shared ones as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines import counting
from engines.counting import Fed, Notes, Place, Ran, Session
from engines.flops.tally import tally, told_unknown
from engines.memo import Memo
from engines.runtime import sessions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """``y = x @ w``, with a weight of three by four."""
    body = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.ones((3, 4), np.float32), "w")],
    )
    path = tmp_path / "product.onnx"
    onnx.save(helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.fixture
def session(file: Path) -> Session:
    """It, opened."""
    return Session(str(file), ort.SessionOptions(), providers=["CPUExecutionProvider"])


def product(session: Session, rows: int) -> None:
    """Runs it."""
    session.run(None, {"x": np.ones((rows, 3), np.float32)})


def test_nothing_is_noted_while_nobody_counts(session: Session) -> None:
    product(session, 2)
    with counting.counting() as notes:
        pass
    product(session, 2)
    assert not notes.runs


def test_runs_are_noted_by_stage(session: Session) -> None:
    with counting.counting() as notes:
        notes.stage = "first"
        product(session, 2)
        product(session, 2)
        notes.stage = "second"
        product(session, 5)
        with counting.aside():
            product(session, 7)
    work = tally(notes)
    assert [(stage.stage, stage.flops, stage.runs) for stage in work.stages] == [("first", 96, 2), ("second", 120, 1)]
    assert work.flops == 216
    (graph,) = work.graphs
    assert (graph.runs, graph.flops, graph.parameters) == (3, 216, 12)
    assert graph.graph.endswith("/product.onnx")
    assert graph.file_bytes > 0


def test_bound_inputs_are_noted(session: Session) -> None:
    binding = session.io_binding()
    binding.bind_cpu_input("x", np.ones((2, 3), np.float32))
    binding.bind_output("y")
    with counting.counting() as notes:
        session.run_with_iobinding(binding)
        binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(np.ones((6, 3), np.float32)))
        binding.bind_output("y")
        session.run_with_iobinding(binding)
    assert [ran.inputs for _, ran in notes.runs] == [(Fed("x", (2, 3)),), (Fed("x", (6, 3)),)]


def test_what_the_memo_serves_counts_in_full_and_as_shared(session: Session) -> None:
    memo = Memo()
    for expected in (0, 48):
        with counting.counting() as notes:
            notes.stage = "encode"
            memo.get_or_compute(("key",), lambda: product(session, 2))
        (stage,) = tally(notes).stages
        assert (stage.flops, stage.shared_flops, stage.incomplete) == (48, expected, False)


def test_what_was_kept_while_nobody_counted_is_told(session: Session) -> None:
    memo = Memo()
    memo.get_or_compute(("key",), lambda: product(session, 2))
    with counting.counting() as notes:
        notes.stage = "encode"
        memo.get_or_compute(("key",), lambda: product(session, 2))
    work = tally(notes)
    assert work.incomplete
    assert work.flops == 0


def test_a_graph_opened_from_memory_is_counted_without_its_file(file: Path) -> None:
    session = sessions.open_session(file, file.read_bytes())
    with counting.counting() as notes:
        product(session, 2)
    file.unlink()
    work = tally(notes)
    assert work.flops == 48
    assert work.graphs[0].graph.endswith("product.onnx (lower part)")


def test_a_graph_that_is_gone_is_told(session: Session, file: Path) -> None:
    with counting.counting() as notes:
        product(session, 2)
    file.unlink()
    work = tally(notes)
    assert work.unknown == {"product.onnx": 1}
    assert told_unknown(work.unknown) == "product.onnx (1×)"


def test_rows_of_growing_runs_cost_what_each_would(file: Path) -> None:
    notes = Notes("write")
    for rows in (*range(1, 40), 100, 7, 300):
        notes.runs[Place("write", shared=False), Ran(str(file), (Fed("x", (rows, 3)),))] += 1
    assert tally(notes).flops == 24 * (sum(range(1, 40)) + 7 + 100 + 300)
