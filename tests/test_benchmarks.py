"""The benchmarks run, and every row of theirs records its largest error and its throughput."""
import json
import sys
from pathlib import Path

from conftest import run
from test_accuracy import CLASSES

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def pytest_of(tmp_path, *arguments):
    return run(sys.executable, "-m", "pytest", "-q", "-c", BENCHMARKS.parent / "pyproject.toml", *arguments, cwd=tmp_path)


def test_grid_runs_once(tmp_path):
    pytest_of(tmp_path, BENCHMARKS, "--benchmark-disable", "-k", "not 150000 and not 4000000")


def test_rows_record_error_and_throughput(tmp_path):
    pytest_of(tmp_path, BENCHMARKS / "bench_ops.py", "-k", "64x10 and not 64x1000 and float32", "--benchmark-min-rounds=3",
              "--benchmark-max-time=0.01", f"--benchmark-json={tmp_path / 'b.json'}")
    rows = json.loads((tmp_path / "b.json").read_text())["benchmarks"]
    assert len(rows) == 6 and {r["group"] for r in rows} == {"64x10"}
    for r in rows:
        assert r["extra_info"]["GB_per_s"] > 0
        if "softmax_fast" in r["name"]:
            assert r["extra_info"]["largest_error_ulp"] <= 3


def test_ratios():
    """The script of the README's tables, for one row."""
    code = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); import ratios; print(ratios.row('softmax', 'float32', (4, 5), 0.01))"
    assert "ours" in run(sys.executable, "-c", code)


def test_strided():
    """The script of the table of strided arrays, for one row."""
    code = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); import strided; print(strided.row((4, 40), 'float32', 0.01)[1])"
    assert 0 < float(run(sys.executable, "-c", code)) <= 3


def test_peers():
    """The comparison with other libraries, for one shape and the one that is always there."""
    table = run(sys.executable, BENCHMARKS / "peers.py", "--peers", "NumPy", "--shape", "(64, 10)", "--seconds", "0.01")
    assert table.count("\n| ") == 10 and table.count(" ulp)") == 20


def test_accuracy():
    """The table of errors, for rows of three, and a library that has one function only."""
    code = f"""
import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); import accuracy
accuracy.main([3], {{"one": lambda op, x, axis, out: (lambda: 0.5 * x) if op == "softmax" else None}})
"""
    classes, overall = run(sys.executable, "-c", code).split("\n\n")
    assert len(classes.splitlines()) == 2 + 6 * len(CLASSES) and len(overall.splitlines()) == 2 + 6
    for line in overall.splitlines()[2:]:
        _, op, _, ours, one, _ = line.split("|")
        assert 0 < float(ours) <= 3
        assert float(one) > 1000 if op == " softmax " else one == " - "
