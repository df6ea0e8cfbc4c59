"""The models of benchmarks/densities.py: each a recipe, its settings, its data, and the published number beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One model to train on MNIST.

    Arguments:
        recipe: its name.
        data: as `mnist.mnist` takes it.
        settings: of the recipe, on any device.
        gpu, cpu: more settings, on one.
        budget: of `score`, samples an example; None where it draws none.
        look: the same for looks at the validation images; None for `budget`.
        epochs: the most passes over the training images; None for as many as the time allows.
        published: nats, with where they are from.
        goal_cpu, goal_gpu: nats to stay below (above, for a density of grey values), within the time given.
    """

    recipe: str
    data: str = "static"
    settings: Mapping[str, Any] = field(default_factory=dict)
    gpu: Mapping[str, Any] = field(default_factory=dict)
    cpu: Mapping[str, Any] = field(default_factory=dict)
    budget: int | None = None
    look: int | None = None
    epochs: int | None = None
    published: str = ""
    goal_cpu: float | None = None
    goal_gpu: float | None = None


CASES: dict[str, Case] = {
    "nade": Case(
        "nade",
        settings={"width": 500, "batch": 100, "rate": 3e-3},
        epochs=30,
        published="88.33 (1x500)",
        goal_cpu=90.0,
        goal_gpu=88.5,
    ),
    "eonade": Case(
        "eonade",
        settings={"width": 500, "layers": 2, "batch": 500, "rate": 2e-3},
        gpu={"orders": 128},
        cpu={"orders": 1},
        published="84.68 (2 layers, 128 orders)",
    ),
    "made": Case(
        "made",
        settings={"width": 500, "batch": 100, "rate": 1e-3},
        epochs=100,
        published="about 94.5 (1x500, 1 mask, validation)",
        goal_cpu=95.0,
    ),
    "made-wide": Case(
        "made",
        settings={"width": 2000, "batch": 200, "rate": 2e-3},
        published="88.40 (1x8000, 1 mask)",
    ),
    "made32": Case(
        "made",
        settings={"masks": 32, "dropped": 0.5, "rate": 2e-3, "batch": 200},
        gpu={"width": 8000},
        cpu={"width": 4000},
        epochs=55,
        published="88.04 (1x8000, 32 masks of as many orders)",
        goal_gpu=88.2,
    ),
    "made32-orders": Case(
        "made",
        settings={"masks": 32, "orders": 32, "rate": 2e-3, "batch": 200},
        gpu={"width": 8000},
        cpu={"width": 2000},
        epochs=300,
        published="88.04 (1x8000, 32 masks of as many orders)",
        goal_gpu=88.2,
    ),
    "made32-one-order": Case(
        "made",
        settings={"masks": 32, "rate": 3e-3, "batch": 200, "decay": 0.06},
        gpu={"width": 8000},
        cpu={"width": 2000},
        epochs=300,
        published="88.04 (1x8000, 32 masks of as many orders)",
        goal_gpu=88.2,
    ),
    "pixelcnn": Case(
        "pixelcnn",
        settings={"rows": 2, "columns": 5, "layers": 8, "dropped": 0.1, "rate": 2e-3},
        gpu={"width": 64, "batch": 100},
        cpu={"width": 32, "batch": 32},
        published="81.30",
        goal_gpu=81.5,
    ),
    "gated": Case(
        "gated-pixelcnn",
        gpu={"width": 64, "layers": 8, "batch": 100, "rate": 2e-3},
        cpu={"width": 16, "layers": 6, "batch": 32},
    ),
    "pixelrnn": Case(
        "pixelrnn-diagonal",
        gpu={"width": 48, "layers": 2, "batch": 256, "rate": 3e-3},
        cpu={"width": 16, "layers": 1, "batch": 32},
        published="80.75 (1 layer, h = 32), 79.20 (7 layers, h = 16)",
        goal_gpu=81.0,
    ),
    "pixelrnn-row": Case(
        "pixelrnn-row",
        gpu={"width": 32, "layers": 3, "batch": 256, "rate": 3e-3},
        cpu={"width": 16, "layers": 2, "batch": 32},
        published="80.54",
    ),
    "vae": Case(
        "vae",
        settings={"width": 200, "latent": 50, "batch": 100, "rate": 1e-3},
        budget=200,
        look=20,
        published="89.9 (1 stochastic layer, 200 samples)",
        goal_cpu=90.0,
        goal_gpu=90.0,
    ),
    "vae-dynamic": Case(
        "vae",
        data="dynamic",
        settings={"width": 200, "latent": 50, "batch": 100, "rate": 1e-3},
        budget=200,
        look=20,
        published="86.76 (5000 samples)",
    ),
    "iwae50": Case(
        "iwae",
        settings={"width": 200, "latent": 50, "samples": 50, "rate": 1e-3},
        gpu={"batch": 100},
        cpu={"batch": 50, "single": True, "evidence": 0.3},
        budget=200,
        look=20,
        published="87.1 (5000 samples)",
    ),
    "nice": Case(
        "nice",
        data="levels",
        settings={"width": 1000, "depth": 5, "couplings": 4, "rate": 1e-3},
        gpu={"batch": 500},
        cpu={"batch": 100},
        published="2366.9 (density 1980.5, 4.36 bits/dim)",
        goal_gpu=2377.4,
    ),
    "realnvp": Case(
        "realnvp",
        data="levels",
        settings={"width": 32, "depth": 2, "couplings": 3, "scales": 3, "rate": 1e-3},
        gpu={"batch": 256},
        cpu={"batch": 32},
    ),
    "rbm": Case(
        "rbm",
        settings={"width": 500, "rate": 0.1, "batch": 100},
        gpu={"gibbs": 25},
        cpu={"gibbs": 1},
        budget=100,
        look=20,
        epochs=300,
        published="about 86.34 (500 hidden, CD-25, by annealing)",
        goal_cpu=88.0,
        goal_gpu=86.5,
    ),
    "rbm-cd25": Case(
        "rbm",
        settings={"width": 500, "rate": 0.1, "batch": 100, "gibbs": 25, "persistent": False},
        budget=100,
        look=20,
        epochs=300,
        published="about 86.34 (500 hidden, CD-25, by annealing)",
        goal_cpu=88.0,
        goal_gpu=86.5,
    ),
}
