"""Real data: the digits example learns, as well as the same training with SciPy's softmax."""
import importlib.util
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_digits(capsys):
    result = load("digits").main()
    ours, theirs = result["softmax_fast"], result["scipy.special"]
    assert ours["losses"][-1] < ours["losses"][0] / 2
    assert sum(b > a for a, b in zip(ours["losses"], ours["losses"][1:], strict=False)) <= 6  # it falls, but for noise
    assert ours["accuracy"] >= theirs["accuracy"]
    assert ours["accuracy"] > 0.94
    assert abs(ours["losses"][-1] - theirs["losses"][-1]) < 1e-3
    assert "accuracy" in capsys.readouterr().out
