"""Sampling against one full pass of the network a dimension, and NADE's training step against autograd's.

    python benchmarks/density_speed.py [--quick] [--out benchmarks/results/density_speed.md]

Images of MNIST's size, binary, weights as they begin. The fast samplers are those that `draw` uses. A full pass is of
the same network without gradients, MADE's with its masks multiplied in beforehand; the shortest of several, times 784,
is what a pass a dimension would take. The last column is how far apart the logits of both are on the drawn images.

NADE: one forward and backward pass of a batch of 100 with 500 hidden units, against the same recurrence step by step
under autograd; what is kept is what autograd holds between the two passes beside the weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from common import arguments, markdown, publish, say, surroundings
from torch import Tensor

from allmodes.networks.discrete import Bernoulli
from allmodes.networks.gated_pixelcnn import GatedPixelCNNNetwork
from allmodes.networks.made import MADENetwork
from allmodes.networks.masked import PixelNetwork
from allmodes.networks.nade import NADENetwork
from allmodes.networks.pixelcnn import PixelCNNNetwork
from allmodes.networks.pixelrnn import DiagonalBiLSTM, PixelRNNNetwork, RowLSTM
from allmodes.random import Rng, seeded

SIDE = 28
SITE = Bernoulli()


def shortest(work: Callable[[], object], times: int) -> float:
    """Seconds of the shortest of several runs, after one to warm up."""
    work()
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def row(name: str, n: int, fast: float, passes: float, error: float, goal: int | None) -> dict[str, str]:
    say(f"{name}, n = {n}: {passes / fast:.0f} times")
    return {
        "model": name,
        "images": str(n),
        "a pass a dimension, s": f"{passes:.2f}",
        "ours, s": f"{fast:.3f}",
        "ratio": f"{passes / fast:.0f}",
        "goal": "" if goal is None else str(goal),
        "logits apart": f"{error:.0e}",
    }


def made(n: int, goal: int, times: int) -> dict[str, str]:
    with seeded(0):
        network = MADENetwork(SIDE**2, 1, (500,))
    noise = Rng(0).uniform(n, SIDE**2, SITE.noises)
    mask = torch.tensor(0)
    (hidden,), output, direct = network._masks(mask)
    (layer,), last_layer = network.layers, network.output
    first, last, skip = layer.weight * hidden, last_layer.weight * output, network.direct * direct

    def a_pass(v: Tensor) -> Tensor:
        return torch.addmm(last_layer.bias, torch.addmm(layer.bias, v, first.T).relu(), last.T).addmm_(v, skip.T)

    with torch.no_grad():
        y, logits = network.draw(0, noise, SITE)
        error = float((network(y, mask) - logits).abs().max())
        fast = shortest(lambda: network.draw(0, noise, SITE), times)
        seconds = shortest(lambda: a_pass(y), 20) * SIDE**2
    return row("MADE, 500 units", n, fast, seconds, error, goal)


def images(name: str, network: PixelNetwork, n: int, goal: int | None, times: int, passes: int) -> dict[str, str]:
    noise = Rng(0).uniform(n, SIDE**2, SITE.noises)
    with torch.no_grad():
        y, logits = network.draw((SIDE, SIDE), noise, SITE)
        error = float((network(y, Rng(0)) - logits).abs().max())
        fast = shortest(lambda: network.draw((SIDE, SIDE), noise, SITE), times)
        seconds = shortest(lambda: network(y, Rng(0)), passes) * SIDE**2
    return row(name, n, fast, seconds, error, goal)


def nade(times: int) -> dict[str, str]:
    with seeded(0):
        network = NADENetwork(SIDE**2, 1, 500)
    v = (torch.rand(100, SIDE**2, generator=torch.Generator().manual_seed(0)) < 0.2).float()

    def by_steps(v: Tensor) -> Tensor:
        a, numbers = network.start(len(v)), []
        for d in range(SIDE**2):
            numbers.append(torch.mv(a.sigmoid(), network.V[d, 0]) + network.b[d])
            a = network.take(a, d, v[:, d : d + 1])
        return torch.stack(numbers, 1).unsqueeze(-1)

    def step(forward: Callable[[Tensor], Tensor]) -> None:
        network.zero_grad()
        SITE.log_prob(v.unsqueeze(-1), forward(v)).mean().backward()

    ours, theirs = [], []
    for _ in range(times):  # in turn, so that a change of the machine's pace meets both
        ours.append(shortest(lambda: step(network), 1))
        theirs.append(shortest(lambda: step(by_steps), 1))
    gradients = []
    for forward in (network, by_steps):
        step(forward)
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    error = float((gradients[0] - gradients[1]).abs().max() / gradients[1].abs().max())
    fast, slow = min(ours), min(theirs)
    say(f"NADE: {slow / fast:.1f} times")
    return {
        "training step": "NADE, 500 units, batch 100",
        "autograd, s": f"{slow:.3f}",
        "ours, s": f"{fast:.3f}",
        "ratio": f"{slow / fast:.1f}",
        "goal": "2.5",
        "autograd keeps, MB": f"{kept(by_steps, v, network) / 1e6:.1f}",
        "ours keeps, MB": f"{kept(network, v, network) / 1e6:.2f}",
        "gradients apart": f"{error:.0e}",
    }


def kept(forward: Callable[[Tensor], Tensor], v: Tensor, network: NADENetwork) -> int:
    """Bytes that autograd holds for the backward pass beside the weights."""
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    # The tensors are held so that no two storages share an address.
    held: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in weights:
            held[place] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = forward(v)
    del output
    return sum(tensor.untyped_storage().nbytes() for tensor in held.values())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and small numbers of images")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    times, passes = (1, 1) if asked.quick else (3, 5)
    step = nade(2 if asked.quick else 7)
    rows = [made(16, 20, 10 * times), made(100, 50, 10 * times)]
    with seeded(0):
        networks = {
            "PixelCNN, 7 blocks, h = 32": PixelCNNNetwork(1, 1, 32, 7),
            "gated PixelCNN, 7 layers of 32": GatedPixelCNNNetwork(1, 1, 32, 7),
            "PixelRNN, 2 row LSTMs of 32": PixelRNNNetwork(1, 1, 32, RowLSTM, 2),
            "PixelRNN, 1 diagonal BiLSTM of 32": PixelRNNNetwork(1, 1, 32, DiagonalBiLSTM, 1),
        }
    for name, network in networks.items():
        for n, goal in ((16, 30),) if asked.quick else ((16, 30), (64, 100)):
            rows.append(images(name, network, n, goal if "CNN" in name else None, times, passes))
    publish(
        asked.out,
        "Speed of fully visible belief nets",
        surroundings(str(asked.threads)),
        "## Sampling",
        markdown(rows),
        "## Training",
        markdown([step]),
    )


if __name__ == "__main__":
    main()
