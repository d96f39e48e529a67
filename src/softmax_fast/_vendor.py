"""Where the C sources are, for extensions that compile them in."""
from pathlib import Path


def _csrc() -> Path:
    package = Path(__file__).resolve().parent
    # installed: beside this file; in an editable install: at the top of the source tree
    return next(d for d in (package / "csrc", package.parents[1] / "csrc") if d.is_dir())


def get_include() -> str:
    """Directory of ``softmax_fast.h``.

    Returns
    -------
    str
    """
    return str(_csrc())


def get_sources() -> list[str]:
    """Paths of the C files to compile into another extension: all of them, without flags.

    Returns
    -------
    list of str
    """
    return sorted(map(str, _csrc().glob("*.c")))
