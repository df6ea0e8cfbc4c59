"""An epoch of persistent contrastive divergence against scikit-learn's BernoulliRBM at the same sizes.

    python benchmarks/rbm_speed.py [--device cuda] [--threads 1] [--rounds 5] [--out benchmarks/results/rbm_speed.md]

Both have the same bits, hidden units, batch and one Gibbs sweep a move, with chains that go on. scikit-learn's gets the
bits as float32, which it keeps, and as float64, which is what it gets where nobody casts; ours runs in `Trainer`, as
`allmodes train` does, without the decay and the average that scikit-learn has not. Its large products run with weights
in bfloat16 where the processor computes in it, as in the recipe. They take turns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from common import arguments, markdown, publish, ratio, rounds, surroundings
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from allmodes.data.batches import Batches
from allmodes.data.dataset import Dataset, load_data
from allmodes.data.transforms import Flatten
from allmodes.models.rbm import RBM
from allmodes.random import Rng
from allmodes.recipes import Momentum, Recipe
from allmodes.schedule import Constant
from allmodes.training.trainer import Trainer

SIZES = ((64, 100, 10), (64, 100, 100), (784, 256, 10), (784, 500, 100))
"""Visible bits, hidden bits, batch; the first two are scikit-learn's digits, 256 and 10 its defaults."""
EXAMPLES = 2000


def theirs(data: Dataset, hidden: int, batch: int, kind: type) -> Callable[[int], None]:
    machine = BernoulliRBM(hidden, batch_size=batch, n_iter=1, learning_rate=0.01, random_state=0)
    x = data.part("train").x.numpy().astype(kind)

    def epochs(count: int) -> None:
        machine.set_params(n_iter=count)
        machine.fit(x)

    return epochs


def ours(data: Dataset, hidden: int, batch: int, device: torch.device) -> Callable[[int], None]:
    model = RBM(data.event, Flatten(data.event.shape), hidden, chains=batch)
    model.fit(data.to_fit())
    recipe = Recipe(model.to(device), Momentum(Constant(0.01), momentum=0.0), batch=batch, steps=10**9, bf16=True)
    trainer = Trainer(recipe, Batches(data, batch, 0, device=device), Rng(0, device))
    steps = iter(trainer)

    def epochs(count: int) -> None:
        for _ in range(count * (len(data.split.train) // batch)):
            next(steps)
        trainer.fetch()

    return epochs


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1, help="of the processor, for both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows = []
    for visible, hidden, batch in SIZES:
        data = load_data(np.random.default_rng(0).random((EXAMPLES, visible)) < 0.2)
        work = {
            "float64": theirs(data, hidden, batch, np.float64),
            "float32": theirs(data, hidden, batch, np.float32),
            "ours": ours(data, hidden, batch, torch.device(asked.device)),
        }
        with threadpool_limits(asked.threads):
            paces = rounds(work, asked.rounds, asked.seconds)
        each = {name: 1e3 * len(pace) / sum(pace) for name, pace in paces.items()}
        rows.append(
            {
                "sizes": f"{visible} x {hidden}, batch {batch}",
                "scikit-learn float64, ms an epoch": f"{each['float64']:.1f}",
                "float32": f"{each['float32']:.1f}",
                "ours": f"{each['ours']:.1f}",
                "ratio to float64": ratio(paces["ours"], paces["float64"]),
                "ratio to float32": ratio(paces["ours"], paces["float32"]),
            }
        )
    publish(
        asked.out,
        "Persistent contrastive divergence beside scikit-learn's",
        surroundings(str(asked.threads)),
        f"Ours on {asked.device}, scikit-learn's on the processor; {int(0.8 * EXAMPLES)} examples an epoch. Ratios are "
        "medians over the rounds (smallest to largest).",
        markdown(rows),
    )


if __name__ == "__main__":
    main()
