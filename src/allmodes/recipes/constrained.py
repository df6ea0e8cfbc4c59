"""A GAN whose samples obey: conditions by a third network, constraints by a last layer or a penalty."""

from __future__ import annotations

import math
from pathlib import Path

from allmodes.adversarial.constraints import Hard, Soft
from allmodes.adversarial.distances import Wasserstein
from allmodes.adversarial.labels import Constrainer
from allmodes.adversarial.latents import Normal
from allmodes.adversarial.penalties import GP, Penalty
from allmodes.errors import UserError
from allmodes.event import Event, Support
from allmodes.functions import find_function
from allmodes.models.gan import GAN
from allmodes.networks.conditional import ConditionVector
from allmodes.recipes.base import Adam, Amount, Recipe, recipe
from allmodes.recipes.pair import condition_vector, pair, slope_weight
from allmodes.schedule import Cosine


@recipe(year=2018, paper="https://arxiv.org/abs/1802.03325", family="gan")
def constrained(
    event: Event,
    *,
    constraint: str | None = None,
    tolerance: Amount | None = None,
    weight: Amount | None = None,
    sum: str | None = None,
    bounds: str | None = None,
    zeros: bool = False,
    kappa: Amount | None = None,
    width: int = 128,
    latent: int = 64,
    rate: float = 1e-3,
    turns: int = 3,
    batch: int = 128,
    steps: int = 4_000,
    log: str | None = None,
) -> Recipe:
    """Wasserstein GAN held to constraints, and to its conditions by a network that reads them off real examples.

    `constraint` is file.py:function, the function of (x, condition) in the user's units that is to be 0, within
    `tolerance` (0.01), with `weight` (10) in the loss. `sum` names the condition that the numbers of a sample sum to,
    exactly; `bounds` is LOW:HIGH, either side may be empty; `zeros` keeps at 0 what is 0 in every training example.
    `kappa` is the weight of the constrainer (1); `log` names conditions that are taken by their logarithm, separated by
    commas.
    """
    vector = condition_vector("constrained", event, log) if event.classes or event.variables else None
    if not (vector or constraint or bounds or zeros):
        raise UserError(
            "constrained needs conditions or a constraint: give --label, --condition, --set bounds=LOW:HIGH, "
            "--set constraint=FILE.py:FUNCTION or --set zeros=true; or use --recipe wgan-gp"
        )
    if not constraint:
        _refuse("--set constraint=FILE.py:FUNCTION", tolerance=tolerance, weight=weight)
    if not vector:
        _refuse("--label or --condition", kappa=kappa, log=log)
    networks = pair(event, width=width, latent=latent, asked=vector, judged=vector, waves=event.image is None)
    penalties: dict[str, Penalty] = {"gradient_penalty": GP(slope_weight(event))}
    if constraint:
        penalties["constraint"] = Soft(
            Path(constraint).name,
            find_function(constraint, "constraint"),
            0.01 if tolerance is None else tolerance,
            event.shape,
            10.0 if weight is None else weight,
        )
    return Recipe(
        model=GAN(
            event,
            networks.transform,
            networks.generator,
            networks.discriminator,
            latent=Normal(latent),
            objective=Wasserstein(),
            conditional=vector is not None,
            turns=turns,
            penalties=penalties,
            hard=_hard(event, sum, bounds, zeros),
            constrainer=_constrainer(event, vector, width, 1.0 if kappa is None else kappa) if vector else None,
        ),
        optimizer=Adam(Cosine(rate, rate / 10), betas=(0.0, 0.9)),
        batch=batch,
        steps=steps,
    )


def _refuse(without: str, **settings: float | str | None) -> None:
    """Raise for a setting that would do nothing."""
    for name, value in settings.items():
        if value is not None:
            said = value if isinstance(value, str) else f"{value:g}"
            raise UserError(f"--set {name}={said} does nothing without {without}; give that too, or leave it out")


def _constrainer(event: Event, vector: ConditionVector, width: int, kappa: float) -> Constrainer:
    network = pair(event, width=width, latent=1, outputs=vector.size).discriminator
    return Constrainer(network, vector, vector.classes, kappa)


def _hard(event: Event, total: str | None, bounds: str | None, zeros: bool) -> Hard | None:
    if not (total or bounds or zeros):
        return None
    least = 0.0 if event.support is Support.NON_NEGATIVE else None
    low, high = _bounds(bounds) if bounds else (least, None)
    return Hard(event, low=low, high=high, zeros=zeros, total=total)


def _bounds(text: str) -> tuple[float | None, float | None]:
    before, colon, after = text.partition(":")
    try:
        low, high = (float(end) if end else None for end in (before, after))
    except ValueError:
        low = high = None
    if not colon or (low is None and high is None) or not math.isfinite((low or 0) + (high or 0)):
        raise UserError(f"--set bounds={text}: write LOW:HIGH, such as 0: or -1:1")
    return low, high
