"""Networks that draw from torch's global generators train, stop and resume to the same bits all the same."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import allmodes
from allmodes.data.dataset import Dataset
from allmodes.errors import Interrupted
from allmodes.training import checkpoint

Equal = Callable[[Any, Any], bool]
Small = Callable[[str], dict[str, Any]]
STEPS = 8
OWN = """
import torch
from torch import nn
from allmodes.adversarial.latents import Normal
from allmodes.adversarial.objectives import NonSaturating
from allmodes.models.gan import GAN
from allmodes.recipes import Adam, Recipe, recipe
from allmodes.recipes.pair import pair
from allmodes.schedule import Constant

class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)

@recipe(year=2026, paper="", family="gan")
def dropping(event, *, share: float = 0.5, noisy: bool = False):
    made = pair(event, width=8, latent=2)
    judge = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(share), nn.Linear(8, 1))
    generator = nn.Sequential(made.generator, Noisy()) if noisy else made.generator
    model = GAN(event, made.transform, generator, judge, latent=Normal(2), objective=NonSaturating())
    return Recipe(model, Adam(Constant(1e-2)), batch=16, steps=8)
"""


@pytest.fixture
def dropping(tmp_path: Path) -> str:
    """A recipe whose discriminator drops units at random."""
    (tmp_path / "dropping.py").write_text(OWN)
    return f"{tmp_path}/dropping.py:dropping"


def kept(folder: Path) -> dict[str, dict[str, Tensor]]:
    last = checkpoint.load(folder)
    assert last is not None
    assert last.step == STEPS
    return last.tensors


def test_one_seed_gives_the_same_bits_whatever_else_draws_and_draws_for_nobody_else(
    dropping: str, tmp_path: Path, ring: Dataset, equal: Equal
) -> None:
    def trained(name: str, **asked: Any) -> dict[str, dict[str, Tensor]]:
        def report(*_: object) -> None:
            torch.rand(3)

        torch.manual_seed(len(name))
        allmodes.train(dropping, ring, out=tmp_path / name, report=report, **asked)
        torch.manual_seed(5)
        before = torch.get_rng_state()
        allmodes.train(dropping, ring, out=tmp_path / f"{name}-again", **asked)
        assert torch.get_rng_state().equal(before)
        assert equal(kept(tmp_path / name), kept(tmp_path / f"{name}-again"))
        return kept(tmp_path / name)

    one, other, less = trained("one"), trained("other", seed=1), trained("less", settings={"share": 0.1})
    assert not equal(one["model"], less["model"])
    assert equal(one["random"], less["random"])
    assert not one["random"]["ambient.cpu"].equal(other["random"]["ambient.cpu"])


def test_stopped_and_resumed_it_ends_with_the_same_bits(
    dropping: str, tmp_path: Path, ring: Dataset, equal: Equal
) -> None:
    def stop(step: int, steps: int, numbers: Mapping[str, float]) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    allmodes.train(dropping, ring, out=tmp_path / "straight")
    with pytest.raises(Interrupted):
        allmodes.train(dropping, ring, out=tmp_path / "stopped", report=stop)
    torch.rand(3)
    allmodes.train(data=ring, out=tmp_path / "stopped", resume=True)
    assert equal(kept(tmp_path / "stopped"), kept(tmp_path / "straight"))


def test_samples_follow_their_seed_alone(dropping: str, tmp_path: Path, ring: Dataset) -> None:
    run = allmodes.train(dropping, ring, out=tmp_path / "run", settings={"noisy": True})
    first = run.sample(5, seed=1)
    before = torch.get_rng_state()
    assert (run.sample(5, seed=1) == first).all()
    assert torch.get_rng_state().equal(before)
    assert (run.sample(5, seed=2) != first).any()
    audits = [allmodes.audit(run, n_fake=200, self_test="none").subject.fake.x for _ in range(2)]
    assert (audits[0] == audits[1]).all()


def test_a_checkpoint_of_before_there_was_such_a_state_resumes(
    tmp_path: Path, ring: Dataset, small: Small, equal: Equal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"steps": STEPS, "settings": small("r3gan")}
    allmodes.train("r3gan", ring, out=tmp_path / "straight", **asked)
    save = checkpoint.save

    def older(folder: Path, step: int, tensors: dict[str, dict[str, Tensor]], *rest: Any) -> None:
        save(folder, step, tensors | {"random": {"rng": tensors["random"]["rng"]}}, *rest)
        if step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", older)
        with pytest.raises(KeyboardInterrupt):
            allmodes.train("r3gan", ring, out=tmp_path / "old", **asked)
    allmodes.train(data=ring, out=tmp_path / "old", resume=True)
    assert equal(kept(tmp_path / "old"), kept(tmp_path / "straight"))


def test_a_seed_in_a_study_is_the_seed_alone(dropping: str, ring: Dataset) -> None:
    together = allmodes.study(dropping, ring, seeds=3, steps=STEPS)
    alone = allmodes.study(dropping, ring, seeds=1, first=2, steps=STEPS)
    assert together.samples[2].equal(alone.samples[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_a_recorded_step_drops_units_anew_and_goes_on_where_it_stopped(
    dropping: str, tmp_path: Path, ring: Dataset
) -> None:
    asked: dict[str, Any] = {"device": "cuda"}

    def stop(step: int, steps: int, numbers: Mapping[str, float]) -> None:
        torch.rand(3, device="cuda")
        if step == 6:
            signal.raise_signal(signal.SIGINT)

    def last(name: str) -> dict[str, dict[str, Tensor]]:
        return {group: {k: t.cpu() for k, t in some.items()} for group, some in kept(tmp_path / name).items()}

    torch.cuda.manual_seed(5)
    before = torch.cuda.get_rng_state()
    allmodes.train(dropping, ring, out=tmp_path / "straight", **asked)
    assert torch.cuda.get_rng_state().equal(before)
    with pytest.raises(Interrupted):
        allmodes.train(dropping, ring, out=tmp_path / "stopped", report=stop, **asked)
    allmodes.train(data=ring, out=tmp_path / "stopped", resume=True)
    allmodes.train(dropping, ring, out=tmp_path / "other", seed=1, **asked)
    straight, stopped, other = last("straight"), last("stopped"), last("other")
    assert straight["random"]["ambient.cuda"].equal(stopped["random"]["ambient.cuda"])
    assert not straight["random"]["ambient.cuda"].equal(other["random"]["ambient.cuda"])
    for name, weight in straight["model"].items():
        assert torch.allclose(weight, stopped["model"][name], rtol=0, atol=1e-5), name
