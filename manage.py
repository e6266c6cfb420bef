#!/usr/bin/env python3
"""Django's command line. `./portal manage` runs it with the embedded parts' addresses in the environment."""

import sys

from scp_portal.commandline import run

if __name__ == "__main__":
    run(sys.argv)
