# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .oscillator import Oscillator as Oscillator
from .subtractive import Subtractive as Subtractive
