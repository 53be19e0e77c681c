"""A run, or several, as one page of HTML that needs nothing else: to read, to print, to hand on.

``gathering`` reads the run folder and asks the classifier, and gives plain data. ``drawings`` and ``inside``
make figures that say in words what they show, ``page`` makes the HTML.
"""

from imagelet.report.page import Report, open_run, write_comparison, write_report

__all__ = ["Report", "open_run", "write_comparison", "write_report"]
