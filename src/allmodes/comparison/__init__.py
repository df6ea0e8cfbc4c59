"""Models beside each other on the same data: densities where there are any, what the audit finds of all."""

from allmodes.comparison.comparing import compare
from allmodes.comparison.rows import Comparison, Row

__all__ = ["Comparison", "Row", "compare"]
