# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .clip import Clip as Clip
from .delay import Delay as Delay
from .ir import Ir as Ir
from .lowpass import Lowpass as Lowpass
from .mask import Mask as Mask
from .noise import Noise as Noise
