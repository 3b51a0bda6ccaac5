# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .callable_block import CallableBlock as CallableBlock
from .plugin import Plugin as Plugin
