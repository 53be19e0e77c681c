"""A browser for exported pages: the lab's own."""

from tests.lab.browser.conftest import browser, check_access

__all__ = ["browser", "check_access"]
