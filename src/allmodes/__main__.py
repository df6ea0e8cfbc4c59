"""`python -m allmodes` is the command `allmodes`."""

from allmodes.cli import main

main()
