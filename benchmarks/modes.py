"""Modes captured over many seeds, beside published figures and the perfect sampler.

    python benchmarks/modes.py [--recipes gan2014,r3gan|all] [--data ring,grid] [--seeds 100] [--first 0] [--steps N]
                               [--device cpu] [--jobs 1] [--quick] [--out benchmarks/results/modes.md]
    python benchmarks/modes.py --merge FILE.json FILE.json ... [--out benchmarks/results/modes.md]

Each recipe is trained with each seed by `allmodes.study`; 2500 samples of each are examined. `all` are the recipes that
take the data. Beside modes.md the figures of every seed are written to modes.json, after each study. Studies train
seeds together; what one seed costs alone, on one thread, is measured in the same run, unless processes share the seeds.
`--merge` makes one table of what several runs wrote.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import torch
from common import arguments, markdown, publish, say, surroundings, write_json
from seeds import many_seeds, named

from allmodes.data.dataset import Dataset, load_data
from allmodes.data.modes import Modes
from allmodes.training.hardware import threads
from allmodes.training.health import SAMPLES
from allmodes.training.study import study

DRAWS = 100
VEEGAN, PACGAN = "VEEGAN (1705.07761), table 1", "PacGAN (1712.04086), table 1, 10 trials"
PUBLISHED = (
    ("ring", "GAN", "1", "99.3 %", "", VEEGAN),
    ("ring", "Unrolled GAN (5)", "7.6", "35.6 %", "", VEEGAN),
    ("ring", "VEEGAN", "8", "52.9 %", "", VEEGAN),
    ("ring", "GAN", "6.3 ± 0.5", "98.2 %", "0.45 ± 0.09", PACGAN),
    ("ring", "PacGAN2", "7.9 ± 0.1", "95.6 %", "0.07 ± 0.03", PACGAN),
    ("ring", "PacGAN4", "7.8 ± 0.1", "95.9 %", "0.07 ± 0.02", PACGAN),
    ("grid", "GAN", "3.3", "0.5 %", "", VEEGAN),
    ("grid", "Unrolled GAN (5)", "23.6", "16 %", "", VEEGAN),
    ("grid", "VEEGAN", "24.6", "40 %", "", VEEGAN),
    ("grid", "GAN", "17.3 ± 0.8", "94.8 %", "0.70 ± 0.07", PACGAN),
    ("grid", "PacGAN2", "23.8 ± 0.7", "91.3 %", "0.13 ± 0.04", PACGAN),
    ("grid", "PacGAN4", "24.8 ± 0.2", "93.6 %", "0.04 ± 0.01", PACGAN),
)
PUBLISHED_KEYS: tuple[str, ...] = ("data", "method", "modes captured", "high quality", "reverse KL", "source")
KEYS = ("data", "method", "modes captured", "all modes in", "high quality", "reverse KL", "collapsed", "seconds a seed")
KEYS += ("one seed alone, s", "source")


def figures(modes: list[float], high_quality: list[float], reverse_kl: list[float], k: int) -> dict[str, str]:
    """The cells that a study and the perfect sampler share."""
    known = [value for value in reverse_kl if value == value]
    return {
        "modes captured": f"{statistics.mean(modes):.2f}",
        "all modes in": f"{k} of {k} in {sum(m == k for m in modes)} of {len(modes)}",
        "high quality": f"{statistics.median(high_quality):.1%} ({min(high_quality):.1%})".replace("%", " %"),
        "reverse KL": f"{statistics.median(known):.4f} ({max(known):.4f})" if known else "undefined",
    }


def known_modes(name: str) -> Modes:
    modes = load_data(name).modes
    assert modes is not None
    return modes


def perfect(name: str) -> dict[str, str]:
    """The true distribution, examined as a generator is."""
    modes, generator = known_modes(name), torch.Generator().manual_seed(0)
    reports = [modes.examine(modes.sample(SAMPLES, generator)) for _ in range(DRAWS)]
    cells = figures(
        [float(r.captured) for r in reports],
        [r.high_quality for r in reports],
        [r.reverse_kl or 0.0 for r in reports],
        len(modes.centres),
    )
    source = f"measured here, {DRAWS} draws of {SAMPLES}"
    return {"data": name, "method": "perfect sampler"} | cells | {"source": source}


def progress(what: str) -> Callable[[int, int], None]:
    """Says every twentieth of the way."""
    said: set[int] = set()

    def report(done: int, total: int) -> None:
        if (part := 20 * done // total) not in said:
            said.add(part)
            say(f"{what}: {done} of {total} steps of all seeds")

    return report


def seconds_alone(recipe: str, data: Dataset, seed: int, steps: int | None, device: str | None) -> float:
    """Of one seed on one thread, from data to examined samples."""
    with threads(1):
        report = progress(f"{recipe} alone")
        return study(recipe, data, seeds=1, first=seed, steps=steps, device=device, report=report).seconds


def measured(found: Mapping[str, Any], place: str) -> dict[str, str]:
    """The cells of a study, a dictionary of `Study.to_dict` and what `main` adds."""
    modes, high_quality, reverse_kl = (
        [float("nan") if value is None else value for value in found[name]]
        for name in ("modes", "high_quality", "reverse_kl")
    )
    k = len(known_modes(found["data"]).centres)
    share = f"{found['collapsed']:.0%} [{found['collapsed_low']:.1%}, {found['collapsed_high']:.1%}]"
    return {
        "data": found["data"],
        "method": f"**{found['recipe']}**, {found['steps']} steps",
        **figures(modes, high_quality, reverse_kl, k),
        "collapsed": share.replace("%", " %"),
        "seconds a seed": f"{found['seconds'] / found['seeds']:.1f}",
        "one seed alone, s": "" if found["seconds_alone"] is None else f"{found['seconds_alone']:.0f}",
        "source": f"measured here ({place}), {found['seeds']} seeds",
    }


def table(out: Path | None, studies: Sequence[Mapping[str, Any]]) -> None:
    """Publish studies beside published figures and perfect samplers, set by set."""
    places = list(dict.fromkeys(found["where"] for found in studies))
    letter = dict(zip(places, ascii_lowercase, strict=False))
    rows: list[dict[str, str]] = []
    for name in dict.fromkeys(found["data"] for found in studies):
        rows += [dict(zip(PUBLISHED_KEYS, row, strict=True)) for row in PUBLISHED if row[0] == name]
        rows += [measured(found, letter[found["where"]]) for found in studies if found["data"] == name]
        rows.append(perfect(name))
    publish(
        out,
        "Modes captured over many seeds",
        "\n".join(f"- {letter[where]}: {where}" for where in places),
        f"{SAMPLES} samples a seed. High quality: within 3 sigma of the nearest mode. Captured: a mode with a "
        "high-quality sample. Collapsed: a seed that misses a mode, with the 95 % interval of that share. Of what is "
        "measured here, modes are means over the seeds, high quality is the median (smallest), reverse KL in nats the "
        "median (largest).",
        markdown([{key: row.get(key, "") for key in KEYS} for row in rows]),
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--recipes", default="gan2014,r3gan", help="separated by commas, or all that take the data")
    parser.add_argument("--data", default="ring,grid", help="sets with known modes")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, help="instead of each recipe's own number")
    parser.add_argument("--device", help="cpu or cuda; a GPU if there is one")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the seeds of a study")
    parser.add_argument("--quick", action="store_true", help="2 seeds of 200 steps on the ring")
    parser.add_argument(
        "--merge", nargs="+", type=Path, metavar="FILE.json", help="what runs of this wrote; no training"
    )
    asked = parser.parse_args()
    if asked.merge:
        table(asked.out, [found for path in asked.merge for found in json.loads(path.read_text())["studies"]])
        return
    if asked.quick:
        asked.data, asked.seeds, asked.steps = "ring", 2, asked.steps or 200
    chosen = f"as the package chooses, of {torch.get_num_threads()}; one for one seed alone"
    where = surroundings(f"one in each of {asked.jobs} processes" if asked.jobs > 1 else chosen)
    raw: list[dict[str, Any]] = []
    for name in asked.data.split(","):
        data = load_data(name)
        for recipe in named(asked.recipes, asked.data.split(",")):
            alone = None
            if asked.jobs == 1 and not asked.quick:
                alone = seconds_alone(recipe, data, asked.first, asked.steps, asked.device)
            found = many_seeds(
                recipe,
                name,
                asked.seeds,
                asked.first,
                asked.steps,
                device=asked.device,
                jobs=asked.jobs,
                report=progress(f"{recipe} on {name}"),
            )
            more = {"first": asked.first, "steps": found.steps, "seconds_alone": alone, "where": where}
            raw.append(found.to_dict() | more)
            say(markdown([measured(raw[-1], "this run")]))
            if asked.out:
                write_json(asked.out.with_suffix(".json"), {"studies": raw})
    table(asked.out, raw)


if __name__ == "__main__":
    main()
