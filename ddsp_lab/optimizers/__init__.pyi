# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .adam import Adam as Adam
from .alternating import Alternating as Alternating
from .lbfgs import Lbfgs as Lbfgs
from .levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
