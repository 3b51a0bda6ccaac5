"""Damages: what can have happened to a reference on its way. One file each; a new file is all a new damage needs."""

from .._registry import discover

globals().update(discover(__name__, __path__))
