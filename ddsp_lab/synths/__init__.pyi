# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .fm import Fm as Fm
from .kick import Kick as Kick
from .oscillator import Oscillator as Oscillator
from .plucked_string import PluckedString as PluckedString
from .subtractive import Subtractive as Subtractive
