"""Hosts: black boxes as blocks, such as a plugin in a process of its own. One file each, like `ddsp_lab.effects`."""

from .._registry import discover

globals().update(discover(__name__, __path__))
