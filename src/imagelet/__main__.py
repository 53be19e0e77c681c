"""``python -m imagelet``: the command line."""

import sys

from imagelet.cli import main

sys.exit(main())
