# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .esr import Esr as Esr
from .multi_resolution_stft import MultiResolutionStft as MultiResolutionStft
