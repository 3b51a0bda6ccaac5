# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .adam import Adam as Adam
from .alternating import Alternating as Alternating
from .cma_es import CmaEs as CmaEs
from .differential_evolution import DifferentialEvolution as DifferentialEvolution
from .lbfgs import Lbfgs as Lbfgs
from .levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
from .memetic import Memetic as Memetic
from .nevergrad import Nevergrad as Nevergrad
from .nsga2 import Nsga2 as Nsga2
from .pso import Pso as Pso
from .pygad import Pygad as Pygad
from .random_search import RandomSearch as RandomSearch
from .successive_halving import SuccessiveHalving as SuccessiveHalving
