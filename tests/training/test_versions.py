"""A file of the user's that is not what a run was trained with is named, wherever it matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import allmodes
from allmodes.errors import UserError
from allmodes.training.run import load
from allmodes.training.versions import digests

Call = Callable[..., tuple[int, str, str]]
OWN = """
from torch import nn
from allmodes.adversarial.latents import Normal
from allmodes.adversarial.objectives import NonSaturating
from allmodes.models.gan import GAN
from allmodes.recipes import Adam, Recipe, recipe
from allmodes.recipes.pair import pair
from allmodes.schedule import Constant

@recipe(year=2026, paper="", family="gan")
def own(event):
    made = pair(event, width=8, latent=2)
    generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    model = GAN(event, made.transform, generator, made.discriminator, latent=Normal(2), objective=NonSaturating())
    return Recipe(model, Adam(Constant(1e-3)), batch=16, steps=2)
"""


@pytest.fixture
def run(call: Call) -> Path:
    """A run of a recipe of the user's in the current folder."""
    Path("ry.py").write_text(OWN)
    return allmodes.train("ry.py:own", "ring", out="run").folder


def test_an_edited_recipe_is_told_by_samples_audits_and_comparisons(run: Path, call: Call) -> None:
    assert load(run).notes == ()
    Path("ry.py").write_text(OWN.replace("ReLU", "Tanh"))
    note = "ry.py has changed since the training began: samples need not be those of the model that was trained"
    assert load(run).notes == (note,)
    assert call("sample", "run", "-n", 3)[2] == f"allmodes: warning: {note}\n"
    status, out, _ = call("audit", "run", "--n-fake", 300)
    assert status == 0
    assert f"note: {note}" in " ".join(out.split())
    assert note in json.loads(Path("run/audit/audit.json").read_text())["notes"]
    assert f"allmodes: warning: run: {note}\n" in call("compare", "run")[2]


def test_a_recipe_that_is_edited_while_it_trains_costs_the_samples_only(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Edited:
        def __enter__(self) -> Callable[..., object]:
            return lambda step, steps, text: Path("ry.py").write_text(OWN.replace("8", "9"))

        def __exit__(self, *_: object) -> None: ...

    Path("ry.py").write_text(OWN)
    monkeypatch.setattr("allmodes.cli.train.progress", lambda what: Edited())
    status, out, err = call("train", "--recipe", "ry.py:own", "--out", "run")
    assert status == 0, err
    assert "2 steps, " in out
    assert "no samples: the weights in run do not fit the recipe" in out


def test_weights_that_do_not_fit_name_what_changed(run: Path) -> None:
    def said() -> str:
        with pytest.raises(UserError, match=f"the weights in run do not fit the recipe {Path.cwd()}/ry.py:own: ") as no:
            _ = load(run).model
        return str(no.value).rpartition("own: ")[2]

    wider = OWN.replace("8)", "9)").replace("Linear(8", "Linear(9")
    Path("ry.py").write_text(wider)
    assert said() == "ry.py changed since the training began; bring back what was there, or train anew"
    Path("my_neighbour.py").write_text(wider)
    Path("ry.py").write_text("from my_neighbour import own\n")
    plan = json.loads((run / "run.json").read_text())
    was = plan["versions"] | digests("ry.py:own", {})
    (run / "run.json").write_text(json.dumps(plan | {"versions": was}))
    assert "a file that it imports or allmodes changed since the training began" in said()
    (run / "run.json").write_text(json.dumps(plan | {"versions": was | {"allmodes": "0.0.1"}}))
    assert said().startswith("they were written by version 0.0.1 of allmodes, and this is ")
