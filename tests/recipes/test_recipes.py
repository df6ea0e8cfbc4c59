"""Recipes: found by name, built from a seed, mistakes named."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import allmodes
from allmodes.adversarial.views import Augmentation
from allmodes.data.dataset import Dataset
from allmodes.errors import UserError
from allmodes.event import Event, Layout, Support
from allmodes.networks.gated_pixelcnn import GatedPixelCNNNetwork
from allmodes.networks.pixelcnn import PixelCNNNetwork
from allmodes.networks.pixelrnn import DiagonalBiLSTM, RowLSTM
from allmodes.recipes import Entry, build, read_settings, recipes
from allmodes.recipes.gan2014 import gan2014
from allmodes.training.trainer import Trainer

DROPPING = [name for name, entry in recipes().items() if "dropped" in entry.settings]
ENTRIES = list(recipes().values())
IDS = list(recipes())
Small = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_recipe_has_a_year_a_paper_a_family_and_one_line(entry: Entry) -> None:
    assert recipes()[entry.name] is entry
    assert 1980 < entry.year < 2100
    assert entry.paper.startswith("https://")
    assert entry.family
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary
    assert entry.settings


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_what_a_setting_is_may_be_said(entry: Entry) -> None:
    said = {name: str(value) for name, value in entry.settings.items() if value is not None}
    assert read_settings(entry.name, said) == {name: entry.settings[name] for name in said}


def test_the_four_that_the_guide_names_are_there_oldest_first() -> None:
    assert {"gan2014", "gan2014-minimax", "dcgan", "r3gan"} <= set(recipes())
    assert [entry.year for entry in ENTRIES] == sorted(entry.year for entry in ENTRIES)


@pytest.mark.parametrize(
    ("recipe", "settings", "said"),
    [
        ("r3gam", {}, "unknown recipe 'r3gam'; did you mean 'r3gan'"),
        ("gan2014", {"widht": 3}, "unknown setting of gan2014 'widht'; did you mean 'width'"),
        ("gan2014", {"width": "wide"}, "--set width=wide: expected a whole number"),
        ("gan2014", {"width": "3.5"}, "--set width=3.5: expected a whole number"),
        ("gan2014", {"width": None}, "--set width=None: expected a whole number"),
        ("gan2014", {"width": "0"}, "--set width=0: must be a positive number"),
        ("gan2014", {"width": -8}, "--set width=-8: must be a positive number"),
        ("gan2014", {"rate": "fast"}, "--set rate=fast: expected a number"),
        ("gan2014", {"rate": "nan"}, "--set rate=nan: must be a positive number"),
        ("gan2014", {"rate": "inf"}, "--set rate=inf: must be a positive number and below 2^63"),
        ("gan2014", {"batch": "-1"}, "--set batch=-1: must be a positive number"),
        ("r3gan", {"rate": 0}, "--set rate=0: must be a positive number"),
        ("gan2014", {"smoothing": 1.5}, "--set smoothing=1.5: the target for real examples is 1 minus it"),
        ("r3gan", {"residual": True}, "--set residual=true: the paper's networks make images"),
        (
            "constrained",
            {"bounds": "0:", "tolerance": 0.1},
            "--set tolerance=0.1 does nothing without --set con",
        ),
        ("constrained", {"bounds": "0:", "kappa": 2}, "--set kappa=2 does nothing without --label or --condition"),
        ("realnvp", {"scales": 2}, "--set scales=2: scales are of images"),
        ("nade", {"order_seed": 10**20}, f"--set order_seed={10**20}: must be at least 0 and below 2^63"),
        ("iwae", {"samples": 1, "evidence": 0.3}, "--set samples=1: single and evidence are for several"),
        ("made", {"dropped": 0.5}, "--set dropped=0.5: each of several masks leaves out that share"),
        ("made", {"dropped": 0.001, "masks": 2}, "--set dropped=0.001: that is no unit of 500; give at least 0.002"),
        *((recipe, {"dropped": 1}, "--set dropped=1: must be at least 0 and below 1") for recipe in DROPPING),
        ("made", {"orders": 4, "masks": 2}, "--set orders=4: each mask has one order, and there are 2"),
    ],
)
def test_mistakes_are_quoted_with_what_is_right(
    recipe: str, settings: dict[str, Any], said: str, ring: Dataset
) -> None:
    with pytest.raises(UserError) as error:
        build(recipe, ring.event, settings)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("asked", "said"), [({"steps": 0}, "--steps 0"), ({"steps": -5}, "--steps -5"), ({"seed": -1}, "--seed -1")]
)
def test_step_counts_and_seeds_that_cannot_be_are_named(asked: dict[str, int], said: str, ring: Dataset) -> None:
    with pytest.raises(UserError, match=f"{said}: .*at least"):
        build("gan2014", ring.event, **asked)


def test_a_seed_may_be_zero(ring: Dataset) -> None:
    build("nade", ring.event, {"order_seed": "0"})


def test_settings_given_as_text_are_those_given_as_numbers(ring: Dataset) -> None:
    text = build("gan2014", ring.event, {"width": "8", "rate": "3e-4"})
    numbers = build("gan2014", ring.event, {"width": 8, "rate": 3e-4})
    assert text.optimizer == numbers.optimizer
    assert text.optimizer.rate(0.0) == 3e-4
    shapes = [[p.shape for p in made.model.parameters()] for made in (text, numbers)]
    assert shapes[0] == shapes[1]
    assert (2, 8) in shapes[0]


@pytest.mark.parametrize("recipe", IDS)
def test_weights_follow_the_seed_and_leave_the_global_generator(
    recipe: str, events: dict[str, Dataset], small: Small
) -> None:
    kind = {"rbm": "binary", "dbm": "binary", "gsn": "binary", "spline": "points"}.get(recipe, "levels")

    def weights(seed: int) -> torch.Tensor:
        model = build(recipe, events[kind].event, small(recipe), seed=seed).model
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    before = torch.get_rng_state()
    first = weights(1)
    torch.rand(3)
    assert weights(1).equal(first)
    assert not weights(2).equal(first)
    torch.set_rng_state(before)
    weights(1)
    assert torch.get_rng_state().equal(before)


def test_a_recipe_for_images_refuses_points_and_names_one_that_takes_them(ring: Dataset) -> None:
    with pytest.raises(UserError, match=r"dcgan makes images.*\(2,\).*use --recipe r3gan"):
        build("dcgan", ring.event)


def test_the_two_games_of_2014_differ_in_the_generators_loss_alone(ring: Dataset) -> None:
    zero_sum, other = (build(name, ring.event, seed=3).model for name in ("gan2014-minimax", "gan2014"))
    assert all(a.equal(b) for a, b in zip(zero_sum.parameters(), other.parameters(), strict=True))
    logits = torch.tensor([-3.0, 0.5])
    for a, b in ((zero_sum.objective, other.objective),):
        assert a.discriminator(logits, logits).equal(b.discriminator(logits, logits))
        assert a.generator(logits, logits).item() == pytest.approx(
            -a.discriminator(logits.new_full((2,), 1e9), logits).item()
        )
        assert not a.generator(logits, logits).equal(b.generator(logits, logits))


@pytest.mark.parametrize(
    ("recipe", "remedy"),
    [
        ("gan2014", {"smoothing": "0.1"}),
        ("gan2014", {"noise": "0.5"}),
        ("gan2014", {"kernels": "4"}),
        ("dcgan", {"augment": "true"}),
    ],
)
def test_each_remedy_is_a_setting_that_changes_the_discriminators_loss(
    recipe: str, remedy: dict[str, str], make_trainer: Callable[..., Trainer], events: dict[str, Dataset]
) -> None:
    losses = []
    for settings in ({}, remedy):
        trainer = make_trainer(recipe, events["HWC"], **settings)
        model = trainer.model
        for view in getattr(model, "views", ()):
            if isinstance(view, Augmentation):
                view.probability.fill_(1.0)
        loss = model.loss(model.players[0], next(trainer.batches), trainer.rng)
        torch.autograd.backward(loss.value, inputs=list(model.players[0].module.parameters()))
        losses.append(loss.value.item())
    assert losses[0] != losses[1]
    assert all(map(math.isfinite, losses))


def test_text_settings_are_taken_as_they_are_and_flags_are_read(events: dict[str, Dataset]) -> None:
    made = read_settings("constrained", {"log": "energy", "zeros": "TRUE", "kappa": "2"})
    assert made == {"log": "energy", "zeros": True, "kappa": 2.0}
    with pytest.raises(UserError, match="--set zeros=maybe: expected true or false"):
        read_settings("constrained", {"zeros": "maybe"})
    with pytest.raises(UserError, match="--set pack=3: a batch of 256 is no multiple"):
        build("pacgan", events["points"].event, {"pack": 3})


GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"


def test_the_guides_recipe_is_trained_studied_compared_and_resumed_like_the_others(
    tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = re.findall(r"```python\n(# mine\.py\n.*?)```", GUIDE.read_text(), re.DOTALL)
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    asked: dict[str, Any] = {"steps": 4, "settings": {"gamma": "0.5", "width": "16"}}
    run = allmodes.train("mine.py:lsgan", ring, **asked)
    assert run.folder == Path("runs/ring-mine.py-lsgan-s0")
    assert str(tmp_path / "mine.py") in run.plan.versions
    assert len(allmodes.study("mine.py:lsgan", ring, seeds=2, **asked).findings) == 2
    found = allmodes.compare(data=ring, recipes="mine.py:lsgan,gan2014", budget=1e-4, out=tmp_path / "both")
    assert {row.entry.name for row in found.rows} == {"lsgan", "gan2014"}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert allmodes.load(tmp_path / run.folder).sample(3).shape == (3, 2)
    (tmp_path / "mine.py").write_text(text + "# changed\n")
    told: list[str] = []
    allmodes.train(data=ring, out=tmp_path / run.folder, resume=True, note=told.append)
    assert f"{tmp_path}/mine.py has changed since the training began" in told[0]


OWN = """
from allmodes.recipes import recipe
from allmodes.recipes.gan2014 import gan2014

@recipe(year=2026, paper="", family="gan")
def own(event):
    return gan2014(event, width=8)

def bare(event):
    return own(event)

def inner():
    @recipe(year=2026, paper="", family="gan")
    def hidden(event):
        return own(event)
    return hidden
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the user's in the current folder, which holds its file alone."""
    (tmp_path / "my_recipes.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("my_recipes")
    del sys.modules["my_recipes"]


def test_a_recipes_function_is_as_good_as_its_name(mine: Any, ring: Dataset, tmp_path: Path) -> None:
    run = allmodes.train(mine.own, ring, steps=2)
    assert run.folder == Path("runs/ring-my_recipes.py-own-s0")
    assert run.plan.recipe == f"{tmp_path}/my_recipes.py:own"
    assert allmodes.load(run.folder).sample(3).shape == (3, 2)
    assert allmodes.train(mine.own, ring, resume=True).step == 2
    assert allmodes.study(mine.own, ring, seeds=2, steps=2).recipe == run.plan.recipe
    found = allmodes.compare(data=ring, recipes=[mine.own, gan2014], budget=1e-4, out=tmp_path / "both")
    assert {row.entry.name for row in found.rows} == {"own", "gan2014"}
    assert allmodes.train(gan2014, ring, steps=2, settings={"width": 8}).plan.recipe == "gan2014"


def test_what_is_no_recipes_function_is_said_so(mine: Any, ring: Dataset, tmp_path: Path) -> None:
    shadowed, mine.own = mine.own, mine.bare
    for given, said in (
        (5, r"recipe 5: give a name \(allmodes recipes lists them\), FILE\.py:FUNCTION or its function"),
        (mine.bare, r"recipe bare: put @recipe"),
        (mine.inner(), r"recipe hidden: a run finds it again only at the top of a file"),
        (shadowed, r"recipe own: a run finds it again only at the top of a file"),
    ):
        for ask in (
            lambda given=given: allmodes.train(given, ring, steps=2),
            lambda given=given: allmodes.study(given, ring, steps=2),
            lambda given=given: allmodes.compare(data=ring, recipes=given, budget=1.0),
        ):
            with pytest.raises(UserError, match=said):
                ask()
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["my_recipes.py"]


def test_a_script_that_trains_its_own_recipe_runs_once(tmp_path: Path) -> None:
    last = "import allmodes\nprint(allmodes.train(own, 'ring', steps=1, out='run').plan.recipe)\n"
    (tmp_path / "script.py").write_text(OWN + last)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{tmp_path}/script.py:own\n", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plain.py:bare", r"put @recipe\(year=2026, paper='', family='gan'\) above it"),
        ("plain.py:number", "gives a int; let it give a Recipe"),
        ("plain.py:nunber", "did you mean 'number'"),
        ("lsgan", "unknown recipe 'lsgan'"),
    ],
)
def test_what_is_no_recipe_is_said_so(
    name: str, said: str, tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain.py").write_text(
        "from allmodes.recipes import recipe\ndef bare(event): ...\n"
        "@recipe(year=2026, paper='', family='gan')\ndef number(event):\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        build(name, ring.event)


def test_what_goes_wrong_in_a_users_recipe_is_said_in_one_line(
    tmp_path: Path, ring: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING, Literal\n"
        "from allmodes.recipes import recipe\n"
        "if TYPE_CHECKING:\n    from allmodes.event import Event\n"
        "from allmodes.recipes.gan2014 import gan2014\n"
        "own = recipe(year=2026, paper='', family='gan')\n"
        "@own\ndef bare(event: Event, *, width=16):\n    return gan2014(event, width=width)\n"
        "@own\ndef kinds(event, *, kind: Literal['a', 'b'] = 'a'):\n    return gan2014(event)\n"
        "@own\ndef wrong(event, *, width: int = 16):\n    return {}[width]\n"
    )
    monkeypatch.chdir(tmp_path)
    wide, narrow = (build("own.py:bare", ring.event, {"width": width}).model for width in ("16", "8"))
    assert sum(p.numel() for p in narrow.parameters()) < sum(p.numel() for p in wide.parameters())
    with pytest.raises(UserError, match="--set kind: write its type in recipe kinds as int, float, bool or str"):
        build("own.py:kinds", ring.event, {"kind": "b"})
    with pytest.raises(UserError, match=r"recipe own\.py:wrong raised KeyError: 16"):
        build("own.py:wrong", ring.event)


@pytest.mark.parametrize(
    ("name", "settings", "holds"),
    [
        ("pixelcnn", {}, lambda model: isinstance(model.network, PixelCNNNetwork)),
        ("pixelcnn", {"rows": 2, "columns": 5}, lambda model: model.network.blocks[0].masked.mask.shape == (3, 11)),
        ("gated-pixelcnn", {}, lambda model: isinstance(model.network, GatedPixelCNNNetwork)),
        ("pixelrnn-row", {}, lambda model: all(isinstance(layer, RowLSTM) for layer in model.network.layers)),
        ("pixelrnn-diagonal", {}, lambda model: all(isinstance(one, DiagonalBiLSTM) for one in model.network.layers)),
        ("nade", {}, lambda model: model.order.equal(torch.arange(64))),
        ("nade", {"order_seed": 1}, lambda model: not model.order.equal(torch.arange(64))),
        ("eonade", {"orders": 3}, lambda model: len(model.orders.unique(dim=0)) == 3),
        ("made", {"masks": 4}, lambda model: len(model.network.positions.unique(dim=0)) == 1),
        ("made", {"masks": 4, "orders": 2}, lambda model: len(model.network.positions.unique(dim=0)) == 2),
        ("made", {"masks": 4, "dropped": 0.25}, lambda model: ((model.network.degrees == 64).sum(1) == 125).all()),
        ("rbm", {"persistent": True}, lambda model: len(model.chains) > 0),
        ("rbm", {"persistent": False, "gibbs": 7}, lambda model: (len(model.chains), model.gibbs) == (0, 7)),
        ("gsn", {"walkback": 7}, lambda model: model.walkback == 7),
        ("iwae", {"samples": 7}, lambda model: (model.samples, model.single) == (7, False)),
        ("iwae", {"single": True, "evidence": 0.25}, lambda model: (model.single, model.evidence) == (True, 0.25)),
    ],
)
def test_a_recipe_builds_what_it_names(name: str, settings: dict[str, Any], holds: Callable[[Any], bool]) -> None:
    assert holds(build(name, Event((8, 8), Support.BINARY, layout=Layout.HW), settings, steps=100).model)


CONDITIONED: dict[str, Any] = {
    "classes": ("a", "b"),
    "variables": ("energy",),
    "quantiles": ((1.0, 2.0, 3.0, 4.0, 5.0),),
}
POINTS = Event((3,), **CONDITIONED)
GREY = Event((8, 8), layout=Layout.HW, **CONDITIONED)
BITS = Event((8, 8), Support.BINARY, layout=Layout.HW, **CONDITIONED)
EVENTS = {"rbm": [BITS], "dbm": [BITS], "gsn": [BITS], "spline": [POINTS], "r3gan": [POINTS, GREY], "nice": [POINTS]}
EVENTS |= {"realnvp": [POINTS, GREY], "gan2014": [POINTS]}
FUNCTION = {"constraint": "math:fsum"}
WITH = {("made", "dropped"): {"masks": 4}, ("made", "orders"): {"masks": 4}}
WITH |= {("constrained", "tolerance"): FUNCTION, ("constrained", "weight"): FUNCTION}
ASKED = {"log": "energy", "sum": "energy", "bounds": "0:1", "smoothing": 0.1} | FUNCTION
SETTINGS = [
    (recipe, setting, event)
    for recipe, entry in recipes().items()
    for event in EVENTS.get(recipe, [GREY])
    for setting in entry.settings
    if (setting, event) not in (("residual", POINTS), ("scales", POINTS))
]


def another(value: Any) -> Any:
    """Than a setting's default."""
    match value:
        case bool():
            return not value
        case int():
            return 2 * value
        case _:
            return value / 2 or 0.25


def insides(thing: Any) -> Any:
    """All that an object holds, as plain values."""
    match thing:
        case torch.Tensor():
            return thing.tolist()
        case dict():
            return {key: insides(value) for key, value in thing.items()}
        case list() | tuple():
            return [insides(value) for value in thing]
        case _ if hasattr(thing, "__qualname__"):
            return thing.__qualname__
        case _:
            return (type(thing).__qualname__, insides(vars(thing))) if hasattr(thing, "__dict__") else repr(thing)


@pytest.mark.parametrize(("recipe", "setting", "event"), SETTINGS, ids=lambda value: getattr(value, "layout", value))
def test_every_setting_arrives(recipe: str, setting: str, event: Event) -> None:
    defaults = recipes()[recipe].settings
    given = ({"width": 8} if "width" in defaults else {}) | WITH.get((recipe, setting), {})
    before = given.get(setting, defaults[setting])
    changed = given | {setting: ASKED.get(setting, 4) if before is None else another(before)}
    made, again, other = (insides(build(recipe, event, settings)) for settings in (given, given, changed))
    assert made == again
    assert made != other
