from __future__ import annotations

import numpy as np
import pytest

from allmodes.audit.convolutions import random_convolutions
from allmodes.audit.features import FEATURES, default, fit_features, whitened
from allmodes.audit.maps import Features, Task
from allmodes.data.dataset import Dataset, load_data
from allmodes.errors import UserError
from allmodes.event import Event
from allmodes.shares import percent


def task(data: Dataset, n: int | None = None, seed: int = 0) -> Task:
    labels = None if data.labels is None else data.labels.numpy()[:n]
    return Task(data.event, data.x.numpy()[:n], labels, seed)


@pytest.mark.parametrize("kind", ["points", "table", "binary", "levels", "CHW", "HWC"])
@pytest.mark.parametrize("name", [None, *FEATURES])
def test_every_kind_of_features_of_every_kind_of_event(events: dict[str, Dataset], kind: str, name: str | None) -> None:
    data = events[kind]
    given = task(data)
    asked = FEATURES[name or default(data.event, labelled=given.labels is not None)]
    if (asked.images and data.event.image is None) or (asked.labels and given.labels is None):
        with pytest.raises(UserError, match="need"):
            fit_features(name, given)
        return
    features = fit_features(name, given)
    rows = features(given.x)
    assert rows.dtype == np.float32
    assert rows.shape[0] == len(given.x)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(features(given.x[3:5]), rows[3:5], rtol=1e-4, atol=1e-5)  # row by row


@pytest.mark.parametrize("name", FEATURES)
def test_the_seed_decides_and_nothing_else_does(digits: Dataset, name: str) -> None:
    first, second, other = (fit_features(name, task(digits, 400, seed))(digits.x.numpy()[-50:]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (name in ("random-conv", "classifier")) != np.array_equal(first, other)


def test_defaults_suit_the_data(events: dict[str, Dataset]) -> None:
    assert default(events["table"].event, labelled=True) == "standardized"
    assert default(events["levels"].event, labelled=True) == "classifier"
    assert default(events["CHW"].event, labelled=False) == "random-conv"


def test_standardized_columns_have_mean_0_and_deviation_1_of_what_they_were_fitted_to() -> None:
    x = (np.random.default_rng(0).standard_normal((500, 3)) * [1, 100, 1e-3] + [5, -200, 0]).astype(np.float32)
    rows = fit_features("standardized", Task(Event((3,)), x))(x)
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(0), 1, atol=1e-4)


@pytest.mark.parametrize(("n", "d"), [(400, 10), (40, 100)])
def test_principal_components_are_uncorrelated_of_variance_1_and_the_largest(n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) * np.linspace(3, 0.1, d)).astype(np.float32)
    plain = Features("plain", "", lambda part: part)
    features = whitened(plain, x, "pca", "them")
    rows = features(x)
    kept = rows.shape[1]
    assert kept == min(64, n - 1, d)
    np.testing.assert_allclose(np.cov(rows.T), np.eye(kept), atol=2e-3)
    values = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    assert features.figures["variance"] == pytest.approx(values[:kept].sum() / values.sum(), rel=1e-4)


def test_components_that_are_only_rounding_are_left_out() -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((300, 2)) @ rng.standard_normal((2, 20))).astype(np.float32)
    assert fit_features("pca", Task(Event((20,)), x))(x).shape == (300, 2)
    assert fit_features("pca", Task(Event((20,)), np.ones_like(x)))(x).shape == (300, 1)


def test_a_classifier_learns_the_digits_and_says_how_well(digits: Dataset) -> None:
    features = fit_features("classifier", task(digits, 1000))
    assert features.figures["accuracy"] > 0.9
    assert "labelled examples that are not compared" in features.summary
    rows, labels = features(digits.x.numpy()[1000:]), digits.labels.numpy()[1000:]
    centres = np.stack([rows[labels == k].mean(0) for k in range(10)])
    nearest = np.linalg.norm(rows[:, None] - centres, axis=2).argmin(1)
    assert (nearest == labels).mean() > 0.85  # the classes are apart in examples that it has not seen


def test_what_cannot_be_learned_from_is_refused(digits: Dataset) -> None:
    with pytest.raises(UserError, match="30 labelled examples of 10 classes are too few"):
        fit_features("classifier", task(digits, 30))
    one = Task(digits.event, digits.x.numpy()[:200], np.zeros(200, np.int64))
    with pytest.raises(UserError, match="of 1 classes are too few"):
        fit_features("classifier", one)
    with pytest.raises(UserError, match="unknown features 'pac'; did you mean 'pca'"):
        fit_features("pac", one)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[1:], r"gave shape \(49, 2\) for 50 examples"),
        (lambda x: x[:, 0], r"gave shape \(50,\) for 50 examples"),
        (lambda x: np.where(np.arange(len(x))[:, None] == 7, np.nan, x), "NaN or infinite for 1 of 50 .* row 7"),
    ],
)
def test_features_that_are_none_are_refused(function: object, message: str) -> None:
    features = Features("mine", "", function)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        features(np.ones((50, 2)))


def test_bytes_of_few_levels_have_the_features_of_all_levels() -> None:
    x = np.random.default_rng(0).integers(0, 4, (60, 8, 8), np.uint8)
    event = load_data(85 * x).event
    assert event.levels == 256
    low, full = (fit_features("random-conv", Task(event, given))(given) for given in (x, 85 * x))
    np.testing.assert_allclose(low, full, atol=1e-3)


def test_large_images_are_averaged_down() -> None:
    x = np.random.default_rng(0).random((12, 3, 150, 100)).astype(np.float32)
    data = load_data(x)
    assert fit_features("random-conv", Task(data.event, x))(x).shape == (12, 11)


def test_the_accuracy_is_that_on_examples_that_were_not_learned_from() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((400, 20)).astype(np.float32), (rng.random(400) < 0.3).astype(np.int64)
    features = fit_features("classifier", Task(Event((20,)), x, labels))
    assert features.figures["accuracy"] < 0.8, "these labels are noise"
    assert features.figures["chance"] == pytest.approx((labels == 0).mean())
    assert features.figures["trained_on"] == 340
    assert "trained on 340 labelled examples" in features.summary
    assert f"right on 60 others; always the largest class: {percent((labels == 0).mean())}" in features.summary


def test_an_untrained_network_tells_where_something_is() -> None:
    x = np.zeros((2, 32, 32), np.float32)
    x[0, 4:12, 4:12] = x[1, 4:12, 20:28] = 1
    rows = random_convolutions(Task(load_data(x).event, x))(x)
    assert np.abs(rows[0] - rows[1]).max() > 0.1 * np.abs(rows).max()
