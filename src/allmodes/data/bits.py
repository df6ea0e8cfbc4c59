"""Bits as text: rows of 0 and 1 with spaces between, the form in which binarized MNIST was published."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from allmodes.data.contents import Contents, damaged

_MARKS = b"01 \r\n"


def is_bits(head: bytes) -> bool:
    """Whether a file that begins so holds zeros, ones and spaces and nothing else."""
    return b" " in head.strip() and not head.strip(_MARKS)


def read_bits(path: Path) -> Contents:
    """One example a line, [n, bits].

    Raises:
        UserError: for another sign on the way, or lines of different lengths.
    """
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    rows = [np.frombuffer(b"".join(line.split()), np.uint8) - ord("0") for line in lines]
    size = len(rows[0])
    for number, (line, row) in enumerate(zip(lines, rows, strict=True), 1):
        if len(row) != size or len(line.split()) != size or row.max() > 1:
            raise damaged(path, f"row {number} is not {size} zeros and ones")
    return Contents(x=np.stack(rows).astype(bool))
