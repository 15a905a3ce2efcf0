"""The first output of a report's cells as a small SVG, for notebooks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

#: Columns of every service that has cells; the others are its outputs.
FIXED_COLUMNS: Final = ("start", "n", "state", "lo", "hi")
_WIDTH: Final = 640
_HEIGHT: Final = 120
#: Strokes along the range, each from the least to the greatest value of the cells under it.
_STROKES_MAX: Final = 320


def report_html(title: str, cells: Mapping[str, Column], span: tuple[int, int]) -> str:
    """The report's repr and, where it has a plain column along the range, that one drawn under it."""
    text = f"<code>{escape(title)}</code>"
    name = next((name for name, column in cells.items() if name not in FIXED_COLUMNS and column.ndim == 1), None)
    if name is None or cells[name].size == 0:
        return text
    picture = _svg(cells.get("lo", cells[name]), cells.get("hi", cells[name]))
    return f"{text}<br>{escape(name)} {span[0]:#x}:{span[1]:#x}<br>{picture}" if picture else text


def _svg(low: Column, high: Column) -> str:
    """Empty where no number is known."""
    edges = np.unique(np.linspace(0, low.size, min(low.size, _STROKES_MAX), endpoint=False).astype(np.int64))
    least = np.fmin.reduceat(low.astype(np.float64), edges)
    most = np.fmax.reduceat(high.astype(np.float64), edges)
    known = np.isfinite(least) & np.isfinite(most)
    if not known.any():
        return ""
    bottom, top = float(least[known].min()), float(most[known].max())
    scale = (_HEIGHT - 2) / (top - bottom) if top > bottom else 0.0
    step = _WIDTH / len(edges)
    path = "".join(
        f"M{(i + 0.5) * step:.1f} {_HEIGHT - scale * (least[i] - bottom):.1f}"
        f"V{_HEIGHT - 1 - scale * (most[i] - bottom):.1f}"
        for i in np.flatnonzero(known)
    )
    labels = f'<text x="2" y="12">{top:.6g}</text><text x="2" y="{_HEIGHT - 4}">{bottom:.6g}</text>'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" font-size="11" font-family="monospace" fill="currentColor">'
        f'<path d="{path}" stroke="#4682b4" stroke-width="{max(1.0, step):.2f}" fill="none"/>{labels}</svg>'
    )
