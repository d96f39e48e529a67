"""softmax_fast: softmax, log_softmax and logsumexp on NumPy arrays; fast, accurate, the same bits everywhere."""
from softmax_fast._core import BOUNDS, __version__, isa, isas, log_softmax, logsumexp, softmax, use_isa
from softmax_fast._vendor import get_include, get_sources

__all__ = ["BOUNDS", "get_include", "get_sources", "isa", "isas", "log_softmax", "logsumexp", "softmax", "use_isa"]
