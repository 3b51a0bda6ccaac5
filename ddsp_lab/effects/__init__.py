"""Effects: blocks that take audio and give audio. One file each; a new file is all a new effect needs."""

from .._registry import discover

globals().update(discover(__name__, __path__))
