"""Partition functions: exact ones against brute force, annealed ones against exact ones, from both sides."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.stats import chisquare, ks_1samp, uniform
from torch import Tensor

from allmodes.boltzmann.annealing import anneal, reverse, schedule
from allmodes.boltzmann.bipartite import Bipartite, bits
from allmodes.errors import UserError
from allmodes.random import Rng


def machine(left: int, right: int, scale: float = 1.0, seed: int = 0) -> Bipartite:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    return Bipartite(draw(left, right), draw(left), draw(right))


def states(units: int) -> Tensor:
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=units)), dtype=torch.float64)


def joint(m: Bipartite) -> Tensor:
    """Log-probabilities of all pairs of states up to log Z, [2^left, 2^right], term by term."""
    left, right = states(len(m.left)), states(len(m.right))
    return left @ m.weights @ right.T + (left @ m.left)[:, None] + right @ m.right


def test_the_mass_of_a_left_layer_is_the_sum_over_all_right_layers() -> None:
    m = machine(3, 6)
    torch.testing.assert_close(m.log_mass(states(3)), joint(m).logsumexp(1))
    torch.testing.assert_close(m.flipped.log_mass(states(6)), joint(m).logsumexp(0))


@pytest.mark.parametrize(("left", "right"), [(3, 7), (7, 3), (12, 2), (1, 1), (2, 13)])
def test_the_exact_partition_function_is_the_sum_over_all_states(left: int, right: int) -> None:
    m = machine(left, right)
    torch.testing.assert_close(m.log_partition(), joint(m).flatten().logsumexp(0))


def test_a_layer_too_large_to_sum_over_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"sums over 2\^21 states; at most 2\^20 are possible"):
        machine(21, 40).log_partition()


def test_gibbs_sampling_keeps_the_exact_distribution() -> None:
    """Chi-squared over all states of the left layer, the p-values of 20 seeds uniform."""
    m = machine(3, 2)
    exact = joint(m).logsumexp(1).softmax(0)
    values, n = [], 2000
    for seed in range(20):
        start = torch.multinomial(exact, n, replacement=True, generator=torch.Generator().manual_seed(seed))
        rng, left = Rng(seed + 100), states(3)[start]
        for _ in range(3):
            left = m.sample_left(m.sample_right(left, rng), rng)
        index = (left @ torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)).long()
        values.append(chisquare(index.bincount(minlength=8), n * exact).pvalue)
    assert ks_1samp(values, uniform.cdf).pvalue > 0.01


def test_gibbs_sampling_reaches_the_exact_distribution() -> None:
    m, rng = machine(3, 2), Rng(0)
    left = torch.zeros(20_000, 3, dtype=torch.float64)
    for _ in range(30):
        left = m.sample_left(m.sample_right(left, rng), rng)
    index = (left @ torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)).long()
    assert chisquare(index.bincount(minlength=8), 20_000 * joint(m).logsumexp(1).softmax(0)).pvalue > 0.01


@pytest.mark.parametrize("count", [1, 10, 29, 1000, 14_500])
def test_inverse_temperatures_rise_from_0_to_1(count: int) -> None:
    betas = schedule(count)
    assert len(betas) == count + 1
    assert (betas[0], betas[-1]) == (0.0, 1.0)
    assert all(a < b for a, b in itertools.pairwise(betas))


def test_annealing_agrees_with_the_exact_partition_function() -> None:
    for seed in range(3):
        m = machine(12, 10, 0.7, seed)
        found = anneal(m, torch.zeros(12, dtype=torch.float64), 200, Rng(seed), 500)
        exact = float(m.log_partition())
        assert abs(found.value - exact) < 0.1
        assert abs(found.value - exact) < 5 * found.standard_error + 1e-9


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_annealing_agrees_on_a_gpu() -> None:
    m, base = machine(12, 10, 0.7), torch.zeros(12, device="cuda")
    there = Bipartite(*(t.float().cuda() for t in (m.weights, m.left, m.right)))
    exact = float(m.log_partition())
    assert float(there.log_partition()) == pytest.approx(exact, abs=1e-4)
    assert abs(anneal(there, base, 200, Rng(0, "cuda"), 500).value - exact) < 0.1
    left = states(12).float().cuda()
    low = there.log_mass(left).double() - reverse(there, base, left, Rng(1, "cuda"), 500)
    assert abs(float(low.mean()) - exact) < 0.3


def test_the_mean_weight_is_the_partition_function_however_few_the_temperatures() -> None:
    m, base = machine(6, 5, 0.7), torch.linspace(-1, 1, 6, dtype=torch.float64)
    found = anneal(m, base, 20_000, Rng(0), 3)
    assert abs(found.value - float(m.log_partition())) < 4 * found.standard_error < 0.1
    # By Jensen's inequality the mean of the logarithm is below: a score that it normalizes flatters.
    assert float(found.log_weights.mean()) < float(m.log_partition()) - 4 * found.standard_error


def test_annealing_and_reverse_annealing_bracket_the_exact_log_probability() -> None:
    m, base, rng = machine(12, 10, 0.7, 5), torch.zeros(12, dtype=torch.float64), Rng(1)
    exact = float(m.log_partition())
    probabilities = joint(m).logsumexp(1).softmax(0)
    drawn = torch.multinomial(probabilities, 2000, replacement=True, generator=rng.generator)
    left = states(12)[drawn]
    masses = m.log_mass(left)
    for temperatures, width in ((10, 2.0), (1000, 0.1)):
        forward = float(
            anneal(m, base, 2000, rng, temperatures).log_weights.mean()
        )  # of single chains: the gap is largest
        low = float(reverse(m, base, left, rng, temperatures).mean())
        high = float(masses.mean()) - forward
        truth = float(masses.mean()) - exact
        assert low - 0.01 < truth < high + 0.01
        assert high - low < width


def test_reverse_annealing_is_unbiased_for_the_model_that_annealing_is() -> None:
    """With a single temperature, annealing is one sweep of the machine from the base rates, summed here exactly."""
    m, base = machine(3, 2), torch.tensor([0.3, -0.4, 0.9], dtype=torch.float64)
    right = (states(2)[:, None] * m.logits(states(3)) - torch.nn.functional.softplus(m.logits(states(3)))).sum(2).exp()
    fields = m.flipped.logits(states(2))
    left = (states(3)[:, None] * fields - torch.nn.functional.softplus(fields)).sum(2).exp()
    sweep = torch.einsum("ha,bh->ab", right, left)  # from state a to state b
    start = (states(3) * base - torch.nn.functional.softplus(base)).sum(1).exp()
    expected = start @ sweep
    n = 40_000
    log_w = reverse(m, base, states(3).repeat(n, 1), Rng(0), 1).reshape(n, 8)
    found, error = log_w.exp().mean(0), log_w.exp().std(0) / math.sqrt(n)
    assert ((found - expected).abs() < 5 * error).all()
    assert error.max() < 0.01


def test_bits_have_the_chances_of_their_logits() -> None:
    logits = torch.tensor([-2.0, 0.0, 3.0]).expand(20_000, 3)
    drawn = bits(logits, Rng(0))
    assert drawn.dtype == logits.dtype
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert ((drawn.mean(0) - logits[0].sigmoid()).abs() < 0.02).all()
