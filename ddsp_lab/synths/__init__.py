"""Synths: blocks that take notes and give audio. One file each, like `ddsp_lab.effects`."""

from .._registry import discover

globals().update(discover(__name__, __path__))
