"""A conformance suite for generative models: yours as well as ours."""

from __future__ import annotations

from allmodes.testing.report import Check, CheckFailed, Report
from allmodes.testing.suite import check_model

__all__ = ["Check", "CheckFailed", "Report", "check_model"]
