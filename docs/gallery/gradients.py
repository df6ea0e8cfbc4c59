"""The generator's gradient under its two objectives while the discriminator wins: the saturation of the first.

    python docs/gallery/gradients.py [--quick]

The generator stands still, the discriminator trains on; after each tenth of it both objectives' gradients are measured.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from showing import DATA, MADE, OTHER, arguments, plain, save, trainer_of

from allmodes.adversarial.objectives import Minimax, NonSaturating
from allmodes.data.dataset import load_data
from allmodes.event import Condition
from allmodes.models.gan import GAN


def main() -> None:
    asked = arguments(__doc__)
    steps = 20 if asked.quick else 2_000
    data = load_data("ring")
    trainer = trainer_of("gan2014", data, steps, device=asked.device)
    model = trainer.model
    assert isinstance(model, GAN)
    discriminator = model.players[0]
    weights = list(model.generator.parameters())
    rows = []
    for step in range(steps + 1):
        if step % max(1, steps // 100) == 0:
            on_fake = model.discriminator(model.draw(4096, Condition(), trainer.rng))[..., 0]
            lengths = []
            for objective in (Minimax(), NonSaturating()):
                gradients = torch.autograd.grad(objective.generator(on_fake, on_fake), weights, retain_graph=True)
                lengths.append(float(torch.cat([g.flatten() for g in gradients]).norm()))
            rows.append((step, float(torch.sigmoid(on_fake).mean().detach()), *lengths))
        trainer.move(discriminator, [next(trainer.batches)], 1e-3)
    at, belief, minimax, other = np.array(rows).T

    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    formula, measured, over_time = figure.subplots(1, 3)
    logit = np.linspace(-10, 6, 300)
    d = 1 / (1 + np.exp(-logit))
    plain(formula, "the formula, per logit")
    formula.plot(logit, d, color=OTHER, label=r"$\log(1-D)$: $|dL/d\ell| = D$")
    formula.plot(logit, 1 - d, color=MADE, label=r"$-\log D$: $|dL/d\ell| = 1 - D$")
    formula.axvspan(-10, -4, color=DATA, alpha=0.12, linewidth=0)
    formula.text(-9.8, 0.5, "D is sure that\nit is generated", fontsize=11)
    formula.set(xlabel=r"logit $\ell$ of $D(G(z))$", ylim=(-0.05, 1.35))
    formula.legend(fontsize=11, frameon=False, loc="upper right")
    plain(measured, "measured: a generator that stands still")
    measured.loglog(belief, minimax, ".", markersize=4, color=OTHER, label="minimax")
    measured.loglog(belief, other, ".", markersize=4, color=MADE, label="non-saturating")
    measured.set(xlabel="mean D(G(z)), falling to the left", ylabel="length of the generator's gradient")
    measured.legend(fontsize=11, frameon=False)
    plain(over_time, "the same, against the discriminator's steps")
    over_time.semilogy(at, minimax, color=OTHER)
    over_time.semilogy(at, other, color=MADE)
    over_time.semilogy(at, belief, color=DATA, linewidth=0.8, linestyle="--", label="mean D(G(z))")
    over_time.set(xlabel="steps of the discriminator")
    over_time.legend(fontsize=11, frameon=False)
    save(figure, asked.out, "gradients")
    print(
        f"D(G(z)) fell from {belief[0]:.2f} to {belief[-1]:.1e}; the gradient of minimax from {minimax[0]:.2e} to "
        f"{minimax[-1]:.2e}, of non-saturating from {other[0]:.2e} to {other[-1]:.2e}"
    )


if __name__ == "__main__":
    main()
