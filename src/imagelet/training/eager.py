"""Torch's optimizers without its compiler.

Their methods are decorated to tell ``torch.compile`` what to leave alone, and load it for that when they are
first called: some 2,000 modules, half as long as torch itself. Nothing is compiled here.
"""

import functools
import inspect
from collections.abc import Callable

from torch import no_grad
from torch.optim import Optimizer

DECORATED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


@functools.cache
def eager(kind: type[Optimizer]) -> Callable[..., Optimizer]:
    """Return an optimizer's class whose methods are those below torch's decorators.

    Steps are the same to the last bit. They cannot be differentiated through (``differentiable=True``).

    Args:
        kind: a class of ``torch.optim``, or one derived from it.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in DECORATED}
    step = no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**methods, "step": step, "__doc__": kind.__doc__})
