"""Fewer points for a screen that look like all of them."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def thin(x: Floats, y: Floats, max_points: int) -> NDArray[np.int64]:
    """Indices, rising, of at most ``max_points`` points that keep the shape of y over x.

    Largest triangle three buckets (Steinarsson 2013): first and last are kept, and of
    each bucket between the point that spans the largest triangle with its neighbours.
    Here both neighbours are the means of their buckets (the original takes the point
    kept before on the left), so all buckets are decided at once.
    """
    size = len(x)
    if max_points < 3:
        raise ValueError("At least three points are needed to show a curve.")
    if size <= max_points:
        return np.arange(size)
    x, y = _finite(x), _finite(y)
    edges = np.linspace(1, size - 1, max_points - 1).astype(np.int64)
    starts = edges[:-1]
    lengths = np.diff(edges)
    mean_x, mean_y = (np.add.reduceat(v[1:-1], starts - 1) / lengths for v in (x, y))
    before_x, before_y = (np.concatenate([v[:1], m[:-1]]) for v, m in ((x, mean_x), (y, mean_y)))
    after_x, after_y = (np.concatenate([m[1:], v[-1:]]) for v, m in ((x, mean_x), (y, mean_y)))
    bucket = np.repeat(np.arange(len(starts)), lengths)
    inner = np.arange(1, size - 1)
    area = np.abs(
        (before_x - after_x)[bucket] * (y[inner] - before_y[bucket])
        - (before_x[bucket] - x[inner]) * (after_y - before_y)[bucket]
    )
    largest = np.maximum.reduceat(area, starts - 1)
    hits = np.flatnonzero(area == largest[bucket])
    _, first = np.unique(bucket[hits], return_index=True)
    return np.concatenate([[0], inner[hits[first]], [size - 1]])


def _finite(values: Floats) -> Floats:
    """Unknown values as the mean, so that they never win a bucket nor spoil its mean."""
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    if known.all():
        return values
    return np.where(known, values, values[known].mean() if known.any() else 0.0)
