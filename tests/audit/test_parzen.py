"""The Parzen window estimate: its formula, and why it ranks nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from allmodes.audit.parzen import parzen
from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.score import Kind, rank


def test_it_is_the_density_of_bumps_at_the_samples() -> None:
    rng = np.random.default_rng(0)
    samples, x = rng.standard_normal((40, 2, 3)), rng.standard_normal((25, 2, 3))
    score = parzen(samples, x, validation=x, widths=[0.7])
    bumps = [multivariate_normal(centre.ravel(), 0.49).pdf(x.reshape(25, -1)) for centre in samples]  # type: ignore[arg-type]
    assert score.value.numpy() == pytest.approx(np.log(np.mean(bumps, 0)))
    assert score.measure == "lebesgue"
    assert score.budget == 40
    assert score.size == 6


def test_the_width_is_the_one_that_the_validation_examples_like_best() -> None:
    rng = np.random.default_rng(0)
    samples, validation, x = (rng.standard_normal((n, 1)) for n in (200, 400, 50))
    best = max(0.05, 0.3, 5.0, key=lambda width: parzen(samples, validation, validation=x, widths=[width]).mean)
    assert best == 0.3
    chosen = parzen(samples, x, validation=validation, widths=[0.05, 0.3, 5.0])
    assert chosen.value.equal(parzen(samples, x, validation=x, widths=[0.3]).value)


def test_centroids_that_are_no_images_beat_real_images_and_the_score_ranks_neither(digits: Dataset) -> None:
    from sklearn.cluster import KMeans

    train, validation, test = (digits.part(name).x.flatten(1).double() / 16 for name in ("train", "validation", "test"))
    centroids = KMeans(200, n_init=1, random_state=0).fit(train.numpy()).cluster_centers_
    theirs, ours = (parzen(s, test, validation=validation) for s in (train[:200], centroids))
    assert ours.mean > theirs.mean + 1
    assert ours.kind is theirs.kind is Kind.ESTIMATE
    assert rank(ours, theirs).winner is None


def test_shapes_that_do_not_agree_are_one_line() -> None:
    x = torch.zeros(5, 2)
    with pytest.raises(UserError, match=r"validation has shape \(4, 3\) and the samples \(5, 2\)"):
        parzen(x, x, validation=torch.zeros(4, 3))
    with pytest.raises(UserError, match=r"samples has shape \(0, 2\)"):
        parzen(x[:0], x, validation=x)
    for width in (0.0, float("nan")):
        with pytest.raises(UserError, match="give standard deviations above 0"):
            parzen(x, x, validation=x, widths=[width])
