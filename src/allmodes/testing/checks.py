"""The checks, one function each: it returns what it measured, fails, or says why it does not apply."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor

from allmodes.event import Support
from allmodes.models.base import DensityModel, GenerativeModel
from allmodes.score import Kind, Score
from allmodes.testing.report import NotApplicable, require
from allmodes.testing.subject import SAMPLES, Subject, doubles

UNLIKELY = 1e-4
"""A p-value below it fails a check: one right model in ten thousand does, and a seed gives the same each time."""
SMALL_JACOBIAN = 100


def samples_are_examples(subject: Subject) -> str:
    """Samples have the event's shape and dtype, and are values that an example can take."""
    event, n = subject.model.event, 70
    x = subject.model.sample(n, subject.asked(n), rng=subject.rng())
    require(x.shape == (n, *event.shape), f"shape {tuple(x.shape)} instead of {(n, *event.shape)}")
    require(x.dtype == event.dtype, f"dtype {x.dtype} instead of {event.dtype}")
    event.require(x)
    return ""


def samples_follow_their_generator(subject: Subject) -> str:
    """The same generator gives the same samples, another one others, in training and in evaluation mode."""
    model, asked = copy.deepcopy(subject.model), subject.asked(20)
    first = model.train().sample(20, asked, rng=subject.rng())
    torch.randn(3)  # what moves the global generator must not matter
    again = model.eval().sample(20, asked, rng=subject.rng())
    require(torch.equal(first, again), "two draws from one generator differ")
    many = [model.sample(20, asked, rng=subject.rng(offset)) for offset in (1, 2, 3)]
    require(any(not torch.equal(first, other) for other in many), "every generator gives the same samples")
    return ""


def evaluation_changes_nothing(subject: Subject) -> str:
    """Sampling and scoring leave every weight and buffer to the last bit, and the training mode."""
    for training in (True, False):
        model = copy.deepcopy(subject.model).train(training)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model.sample(8, subject.asked(8), rng=subject.rng())
        with suppress(NotApplicable):
            subject.score(model, subject.x, subject.asked(len(subject.x)))
        for name, value in model.state_dict().items():
            require(_same_bits(value, before[name]), f"{name} changed")
        require(model.training == training, "the training mode changed")
    return ""


def _same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(-1).view(torch.uint8), b.contiguous().view(-1).view(torch.uint8))


def state_loads(subject: Subject) -> str:
    """A model that loads the state samples and scores the same to the last bit."""
    model = subject.model
    other = subject.rebuild().to(subject.device) if subject.rebuild else copy.deepcopy(model)
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(1.5).add_(0.1)
    other.load_state_dict(model.state_dict())
    asked = subject.asked(8)
    first, second = (m.sample(8, asked, rng=subject.rng()) for m in (model, other))
    require(torch.equal(first, second), "samples differ")
    try:
        values = [subject.score(m, subject.x, subject.asked(len(subject.x))).value for m in (model, other)]
    except NotApplicable:
        return ""
    require(torch.equal(*values), "scores differ")
    return ""


def score_says_what_it_claims(subject: Subject) -> str:
    """A score is a finite number an example, of a declared kind, in the event's measure; an exact one draws nothing."""
    score = subject.scored()
    require(score.value.shape == (len(subject.x),), f"shape {tuple(score.value.shape)}")
    require(isinstance(score.kind, Kind), f"kind {score.kind!r}")
    require(bool(score.value.isfinite().all()), "a value is not finite")
    require(not score.value.requires_grad, "the value carries a graph")
    require(score.measure == subject.model.event.measure, f"measure {score.measure}")
    require(0 <= score.standard_error < math.inf, f"standard error {score.standard_error}")
    if score.kind is Kind.EXACT:
        other = subject.score(subject.model, subject.x, subject.asked(len(subject.x)), offset=1)
        require(score.standard_error == 0, "an exact score has a standard error")
        require(torch.equal(score.value, other.value), "an exact score changes with the random numbers")
        if subject.model.event.discrete:
            require(bool((score.value <= 1e-4).all()), f"a probability of e^{float(score.value.max()):.3g}")
    return f"{score.kind}, {score.mean:.4g} nats"


def batch_does_not_matter(subject: Subject) -> str:
    """An example has the same score alone, in another order, and beside others."""
    n = min(16, len(subject.x))
    x, asked = subject.x[:n], subject.asked(n)
    with doubles():
        model = subject.precise
        together = subject.score(model, x, asked)
        order = torch.arange(n).flip(0)
        turned = subject.score(model, x[order], asked and asked[order])
        rows = [torch.tensor([row]) for row in range(n)]
        alone = [subject.score(model, x[row], asked and asked[row], offset=1 + int(row)) for row in rows]
    single = torch.cat([score.value for score in alone])
    if together.kind is Kind.EXACT:
        tolerance = 1e-8 * (1 + together.value.abs().max())
        require(bool(((turned.value.flip(0) - together.value).abs() < tolerance).all()), "the order matters")
        require(bool(((single - together.value).abs() < tolerance).all()), "the other examples matter")
        return ""
    error = math.hypot(together.standard_error, math.sqrt(sum(s.standard_error**2 for s in alone)) / n)
    apart = abs(float(single.mean()) - together.mean)
    require(apart <= 6 * error + 1e-8 * abs(together.mean), f"alone they differ by {apart:.3g} nats")
    return "by the means of an estimator"


def probabilities_sum_to_one(subject: Subject) -> str:
    """Over all states of a small discrete event the masses sum to one; those of a bound from below to no more."""
    masses = subject.masses
    total = float(masses.value.sum())
    if masses.kind is Kind.EXACT:
        require(abs(total - 1) < 1e-6, f"they sum to {total:.8g}")
        return f"{total:.8g} over {len(masses.value)} states"
    require(total < 1 + 4 * masses.error, f"bounds from below sum to {total:.4g} ± {masses.error:.2g}")
    return f"{total:.4g} ± {masses.error:.2g} over {len(masses.value)} states"


def density_integrates_to_one(subject: Subject) -> str:
    """On a line or in a plane the density integrates to one; on non-negative numbers to no more: zeros have mass."""
    total = subject.integral.total
    if subject.model.event.support is Support.NON_NEGATIVE:
        require(total < 1.01, f"it integrates to {total:.5g}")
    else:
        require(abs(total - 1) < 0.01, f"it integrates to {total:.5g}")
    return f"{total:.5g}"


def samples_follow_the_density(subject: Subject) -> str:
    """Samples fall on the states, or on cells of a line or plane, as often as the density says (chi-squared)."""
    event = subject.model.event
    if event.support is Support.NON_NEGATIVE:
        raise NotApplicable("samples below zero become exact zeros, which a density does not have")
    masses, count = _of_states(subject) if event.discrete else _of_cells(subject)
    drawn = subject.model.sample(SAMPLES, subject.same(SAMPLES), rng=subject.rng(11)).cpu()
    counts = count(drawn.reshape(SAMPLES, -1))
    p_value = chi_squared(counts.double(), masses / masses.sum())
    require(p_value > UNLIKELY, f"p-value {p_value:.2g} of {SAMPLES} samples")
    return f"p-value {p_value:.2g}"


Counted = tuple[Tensor, Callable[[Tensor], Tensor]]


def _of_states(subject: Subject) -> Counted:
    """The probability of each state, and how samples [n, size] are counted on them."""
    event, found = subject.model.event, subject.masses
    total = float(found.value.sum())
    if found.kind is Kind.LOWER and not (abs(total - 1) < 0.01 and found.error < 0.01):
        raise NotApplicable(f"the bounds sum to {total:.3g} ± {found.error:.2g}: too loose to hold samples against")
    levels = 2 if event.support is Support.BINARY else event.levels
    place = levels ** torch.arange(event.size - 1, -1, -1)
    return found.value, lambda drawn: torch.bincount(drawn.long() @ place, minlength=len(found.value))


def _of_cells(subject: Subject) -> Counted:
    integral = subject.integral
    return integral.mass, lambda drawn: integral.count(drawn.double())


def chi_squared(counts: Tensor, probability: Tensor) -> float:
    """The p-value of counts under probabilities; cells that expect fewer than 5 are one cell together."""
    expected = probability * counts.sum()
    rare = expected < 5
    if rare.any():
        counts = torch.cat([counts[~rare], counts[rare].sum()[None]])
        expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
    statistic = ((counts - expected).square() / expected.clamp(min=1e-300))[(counts > 0) | (expected > 0)].sum()
    freedom = max(len(counts) - 1, 1)
    return float(torch.special.gammaincc(torch.tensor(freedom / 2, dtype=torch.float64), statistic / 2))


def _latent(subject: Subject) -> tuple[GenerativeModel, Tensor, Tensor, Tensor]:
    """The precise copy of a flow, some examples in the networks' units, their latent variables, log-determinants."""
    if not callable(getattr(subject.model, "inverse", None)):
        raise NotApplicable("the model exposes no forward and inverse")
    model, n = subject.precise, min(4, len(subject.x))
    y = model.transform(subject.batch(model).x[:n], subject.rng())
    z, log_det = model(y)
    return model, y, z, log_det


def inverse_undoes_forward(subject: Subject) -> str:
    """The inverse of an example's latent variables is the example, to 1e-6, in double precision."""
    with doubles(), torch.no_grad():
        model, y, z, _ = _latent(subject)
        error = float(((model.inverse(z) - y).abs() / y.abs().clamp(min=1)).max())  # pyright: ignore[reportCallIssue]
    require(error < 1e-6, f"off by {error:.2g}")
    return f"{error:.1g}"


def log_determinant_is_that_of_the_jacobian(subject: Subject) -> str:
    """The log-determinant is that of the Jacobian that autograd finds."""
    size = subject.model.event.size
    if size > SMALL_JACOBIAN:
        raise NotApplicable(f"a Jacobian of {size} x {size} numbers takes long")
    worst = 0.0
    with doubles():
        model, y, _, log_det = _latent(subject)
        for row in range(len(y)):
            jacobian = torch.autograd.functional.jacobian(lambda one: model(one[None])[0][0], y[row].detach())
            assert isinstance(jacobian, Tensor)
            found = torch.linalg.slogdet(jacobian.reshape(size, size)).logabsdet
            worst = max(worst, abs(float((found - log_det[row]).detach())) / (1 + abs(float(found.detach()))))
    require(worst < 1e-6, f"off by {worst:.2g} of its size")
    return f"{worst:.1g}"


def loss_is_minus_the_score(subject: Subject) -> str:
    """A loss that is called a likelihood is minus the mean score, or, where either draws, no better than it.

    In training mode as in evaluation.
    """
    with doubles():
        losses = []
        for training in (False, True):
            model = copy.deepcopy(subject.precise).train(training)
            batch = subject.batch(model)
            for player in model.players:
                found = [model.loss(player, batch, subject.rng(offset)) for offset in range(4)]
                losses += [] if found[0].surrogate else [torch.stack([loss.value.detach() for loss in found])]
        if not losses:
            raise NotApplicable("every loss is a surrogate")
        score: Score = subject.score(model, subject.x, subject.asked(len(subject.x)))
    for values in losses:
        spread = float(values.max() - values.min())
        apart = float(values.mean()) + score.mean
        slack = 1e-6 * (1 + abs(score.mean))
        if score.kind is Kind.EXACT and spread < slack:
            require(abs(apart) < slack, f"the loss is {float(values.mean()):.6g} and the mean score {score.mean:.6g}")
        else:
            noise = 4 * spread + 6 * score.standard_error + slack
            require(apart > -noise, f"the loss claims {-apart:.4g} nats more than the score")
    return ""


def gradients_are_right(subject: Subject) -> str:
    """Gradients reach every parameter of the player; of a likelihood they equal finite differences.

    In training mode as in evaluation.
    """
    measured = []
    with doubles():
        names = [player.name for player in subject.precise.players]
        for training, name in itertools.product((False, True), names):
            model = copy.deepcopy(subject.precise).train(training)
            batch = subject.batch(model)
            player = next(p for p in model.players if p.name == name)
            generator = torch.Generator().manual_seed(1)
            with torch.no_grad():  # weights of exactly zero leave rectifiers at their kinks
                for p in player.module.parameters():
                    p.add_(1e-3 * torch.randn(p.shape, generator=generator).to(p))
            kept = copy.deepcopy(model.state_dict())
            loss = model.loss(player, batch, subject.rng())
            own = dict(player.module.named_parameters())
            grads = torch.autograd.grad(loss.value, list(own.values()), allow_unused=True)
            for parameter, grad in zip(own, grads, strict=True):
                if subject.model.event.size == 1:  # what ties numbers to each other is idle
                    continue
                require(grad is not None, f"no gradient reaches {name}'s {parameter}")
                assert grad is not None
                # One number alone may cancel, as the bias of a logit does where only differences of logits count.
                require(grad.numel() == 1 or bool(grad.any()), f"the gradient of {name}'s {parameter} is zero")
            if loss.surrogate:
                continue
            direction = [torch.randn(p.shape, generator=generator).to(p) for p in own.values()]
            step, sides = 1e-6, []
            for sign in (1, -1):
                model.load_state_dict(kept)
                with torch.no_grad():
                    for p, d in zip(own.values(), direction, strict=True):
                        p.add_(sign * step * d)
                    sides.append(float(model.loss(player, batch, subject.rng()).value))
            slope = sum(float((g * d).sum()) for g, d in zip(grads, direction, strict=True) if g is not None)
            size = math.sqrt(sum(float(g.square().sum()) for g in grads if g is not None))
            error = abs((sides[0] - sides[1]) / (2 * step) - slope) / max(size, 1e-12)
            require(error < 1e-2, f"{name}'s gradient and finite differences are {error:.2g} of its size apart")
            measured.append(f"{error:.1g}")
    return ", ".join(measured)


def a_few_examples_are_learned_by_heart(subject: Subject) -> str:
    """Trained on two different examples alone, an exact model of a discrete event reaches log 2 nats within 0.05.

    Given conditions that tell the two apart, 0 nats. No probability goes lower: what does sees what it predicts.
    """
    event = subject.model.event
    if not event.discrete or subject.scored().kind is not Kind.EXACT or not isinstance(subject.model, DensityModel):
        raise NotApplicable("only an exact probability has a smallest loss")
    if not subject.steps:
        raise NotApplicable("no steps were asked for")
    apart = (subject.x.flatten(1) != subject.x[:1].flatten(1)).sum(1)
    second = int(apart.argmax())
    if not apart[second]:
        raise NotApplicable("all examples are the same")
    index = torch.tensor([0, second])
    x = subject.x[index].to(subject.device)
    condition = subject.condition[index].to(subject.device)
    told_apart = subject.model.conditional and not all(map(_alike, (condition.labels, condition.values)))
    least, best = 0.0 if told_apart else math.log(2), math.inf
    for rate in (1e-2, 1e-1, 1e-3):
        model = copy.deepcopy(subject.model).train()
        (player,) = model.players
        batch = type(subject.batch(model))(x, condition)
        rng = subject.rng()
        optimizer = torch.optim.Adam(list(player.module.parameters()), lr=rate)
        for step in range(subject.steps):
            optimizer.zero_grad()
            model.loss(player, batch, rng).value.backward()
            optimizer.step()
            model.moved(player)
            if step % 50 == 49 or step == subject.steps - 1:
                asked = condition if model.conditional else None
                best = min(best, -subject.score(model, x, asked).mean)
                require(best > least - 0.05, f"{best:.3g} nats, and no probability has less than {least:.3g}")
                if best < least + 0.05:
                    return f"{best:.3g} nats after {step + 1} steps"
    require(False, f"{best:.3g} nats after {subject.steps} steps, instead of {least:.3g}")
    return ""


def _alike(pair: Tensor | None) -> bool:
    return pair is None or torch.equal(pair[0], pair[1])


CHECKS = (
    evaluation_changes_nothing,  # first: where it fails, later checks see a model that has changed
    samples_are_examples,
    samples_follow_their_generator,
    state_loads,
    score_says_what_it_claims,
    batch_does_not_matter,
    loss_is_minus_the_score,
    gradients_are_right,
    probabilities_sum_to_one,
    density_integrates_to_one,
    samples_follow_the_density,
    inverse_undoes_forward,
    log_determinant_is_that_of_the_jacobian,
    a_few_examples_are_learned_by_heart,
)
