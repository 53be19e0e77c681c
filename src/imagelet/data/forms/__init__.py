"""The forms in which datasets come: each module recognises one and reads it.

A module registers its form when it is imported; all in this folder are.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
