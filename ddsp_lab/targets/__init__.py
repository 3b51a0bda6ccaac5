"""Targets: distances between recordings. One file each; a new file is all a new target needs."""

from .._registry import discover

globals().update(discover(__name__, __path__))
