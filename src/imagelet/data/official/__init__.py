"""The official datasets: each module holds the card, files and reader of one, or of several alike.

A new dataset is a new module in this folder that calls ``datasets.add``; nothing else names it.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
