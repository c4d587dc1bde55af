"""`python -m gptengine` is `gptengine`."""

import sys

from gptengine.cli.main import main

sys.exit(main())
