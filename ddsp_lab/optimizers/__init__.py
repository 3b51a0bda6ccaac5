"""Optimizers: searches over the unit cube. One file each; a new file is all a new optimizer needs."""

from .._registry import discover

globals().update(discover(__name__, __path__))
