"""The command `allmodes`, and `python -m allmodes`; Ctrl-C is answered while its parts are still being read."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the process was given."""
    try:
        from allmodes.cli import main as command
    except KeyboardInterrupt:
        print("allmodes: interrupted", file=sys.stderr)
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
