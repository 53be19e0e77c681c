"""A run, or several, as one page of HTML that needs nothing else: to read, to print, to hand on.

``gathering`` reads the run folder, ``answers`` asks the classifier, ``inside`` looks into it; all three give
plain data. ``drawings`` makes pictures of it that say in words what they show, ``page`` makes the HTML.
"""

from imagelet.report.page import Report, open_run, write_comparison, write_report

__all__ = ["Report", "open_run", "write_comparison", "write_report"]
