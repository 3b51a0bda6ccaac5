"""Shared maths on arrays: pure functions, no parameters with bounds, no blocks. One kernel a file.

Every kernel gives its derivative once, as a rule that is linear in the tangents, so that forward mode
(Levenberg-Marquardt), reverse mode (Adam, L-BFGS) and `vmap` (populations) all follow from it.
"""
