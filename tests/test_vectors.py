"""Promise 4, reproducible, here: the golden vectors, and that python -m softmax_fast --check finds what is wrong."""
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import OPS, run
from oracle import errors_mpmath

import softmax_fast as sf
from softmax_fast import __main__ as job
from softmax_fast import _vectors


def test_every_bit():
    results = list(_vectors.check())
    assert len(results) == len(OPS) * 2 * len(sf.isas())
    assert all(row["ok"] and row["rows"] > 200 for row in results), [row["differs"] for row in results]


def test_it_restores_the_instruction_set(isa):
    assert all(row["ok"] for row in _vectors.check())
    assert sf.isa() == isa


def test_command():
    start = time.perf_counter()
    out = run(sys.executable, "-m", "softmax_fast", "--check")
    assert time.perf_counter() - start < 10  # a second on an idle machine
    assert "every bit is right" in out
    for name in sf.isas():
        for op in OPS:
            for dtype in ("float32", "float64"):
                assert re.search(rf"^{op} +{dtype} +{name} +\d+ rows +ok$", out, re.M)
    assert "--check" in run(sys.executable, "-m", "softmax_fast", "--help")


def test_json():
    found = json.loads(run(sys.executable, "-m", "softmax_fast", "--check", "--json"))
    assert found["ok"] is True and len(found["vectors"]) == len(OPS) * 2 * len(sf.isas())
    assert found["detected"]["isas"] == sf.isas()


def changed(pattern, replace):
    """The file's text with one match replaced."""
    text, count = re.subn(pattern, replace, _vectors.PATH.read_text(), count=1, flags=re.M)
    assert count == 1
    return text


def next_digit(match):
    return match[1] + f"{(int(match[2], 16) + 1) % 16:x}"


@pytest.mark.parametrize("where", [
    r"^(softmax 3f\w{5})(\w)", r"^(softmax 3f\w{13})(\w)", r"^(softmax (?:\w{8}~? ){16}\w{7})(\w)",
    r"^(log_softmax b\w{6})(\w)", r"^(log_softmax (?:\w{16}~? ){8}\w{15})(\w)", r"^(logsumexp 4\w{6})(\w)",
    r"^(softmax hash \w{15})(\w)", r"^(log_softmax hash \w{15})(\w)", r"^(f32 100000 draw .*)(\d)$"])
def test_one_digit_is_found(where, tmp_path, monkeypatch, capsys):
    damaged = tmp_path / "vectors.txt"
    damaged.write_text(changed(where, next_digit))
    monkeypatch.setattr(_vectors, "PATH", damaged)
    assert job.main(["--check"]) == 1
    out = capsys.readouterr().out
    assert "DIFFER" in out and re.search(r"vectors.txt line \d+, \d+ logits.*: .*\w{8}, not \w{8}", out)


@pytest.mark.parametrize("text", ["", "f32 2 bits 00000000\n", "f32 1 bits 00000000\nend 1\n", "f32 1 bit\nend 1\n"])
def test_damage_is_found(text, tmp_path):
    (tmp_path / "vectors.txt").write_text(text)
    with pytest.raises(ValueError, match="vectors.txt"):
        list(_vectors.check(tmp_path / "vectors.txt"))


def test_missing_rows_are_found(tmp_path):
    (tmp_path / "vectors.txt").write_text(changed(r"^f32 1 bits .*\nsoftmax.*\nlog_softmax.*\nlogsumexp.*\n", ""))
    with pytest.raises(ValueError, match="damaged"):
        list(_vectors.check(tmp_path / "vectors.txt"))


@pytest.mark.parametrize("op", OPS)
def test_one_unit_off_is_found(op, monkeypatch, capsys):
    right = getattr(sf, op)

    def off(x, *args):
        y = np.asarray(right(x, *args))
        return np.nextafter(y, y.dtype.type(-9))

    monkeypatch.setattr(sf, op, off)
    assert job.main(["--check"]) == 1
    assert f"{op} of vectors.txt line" in capsys.readouterr().out


def test_marks():
    """Results without ~ are the exact ones, correctly rounded, the others within the bound: by the tests' oracle."""
    lines = _vectors.PATH.read_text().splitlines()
    some = [row for row in _vectors.rows() if 0 < row.x.size < 20 and np.abs(row.x).max() < 1e30]
    assert len(some) > 100
    marked = 0
    for row in some:
        for k, op in enumerate(OPS):
            words = lines[row.line + k].split()[1:]
            got = np.array(row.wanted[op], f"u{row.x.itemsize}").view(row.x.dtype)
            for word, error in zip(words, errors_mpmath(row.x, op, got), strict=True):
                assert error <= (sf.BOUNDS[op, row.x.dtype.name] if word.endswith("~") else 0.5)
                marked += word.endswith("~")
    assert marked > 100


def script(directory):
    source = Path(__file__).parents[1] / "csrc" / "tools" / "vectors.py"
    return run(sys.executable, source, directory / "vectors.txt"), (directory / "vectors.txt").read_bytes()


@pytest.mark.ahead(work=script)
def test_the_script_makes_the_file(done):
    out, made = done()
    assert made == _vectors.PATH.read_bytes() and len(made) < 150_000
    assert len(re.findall(r"^\w+ +float(?:32|64) +\d+ exact +\d+ plain C$", out, re.M)) == 6
