"""Targets: distances between recordings. One file each; a new file is all a new target needs."""

from .._registry import discover
from ._auraloss import auraloss as auraloss
from ._embedding import embedding as embedding

globals().update(discover(__name__, __path__))
