from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__version__: str

# Largest error in ulp of the result, by (function, dtype).
BOUNDS: dict[tuple[str, str], float]

_Axis = int | tuple[int, ...] | None

def softmax(
    x: ArrayLike, axis: _Axis = None, *, out: NDArray[Any] | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]: ...
def log_softmax(
    x: ArrayLike, axis: _Axis = None, *, out: NDArray[Any] | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]: ...
@overload
def logsumexp(
    a: ArrayLike,
    axis: _Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    *,
    out: NDArray[Any] | None = None,
    dtype: DTypeLike | None = None,
) -> Any: ...
@overload
def logsumexp(
    a: ArrayLike,
    axis: _Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    *,
    return_sign: Literal[True],
    out: NDArray[Any] | None = None,
    dtype: DTypeLike | None = None,
) -> tuple[Any, Any]: ...
def isa() -> str: ...
def isas() -> list[str]: ...
def use_isa(name: str) -> None: ...

softmax_gufunc: np.ufunc
log_softmax_gufunc: np.ufunc
logsumexp_gufunc: np.ufunc

