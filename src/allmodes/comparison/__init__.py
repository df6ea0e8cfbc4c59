"""Models beside each other on the same data: densities where there are any, what the audit finds of all."""

from allmodes.comparison.comparing import Comparison, Row, compare

__all__ = ["Comparison", "Row", "compare"]
