"""The lecture's slide come alive: a GAN that collapses, one that does not, and real handwritten digits.

`make demo`, or `python -m allmodes.demo`, takes about three minutes on two cores and writes into the folder demo/. It
ends with an audit of both GANs of the ring.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from allmodes.audit.api import audit
from allmodes.data.dataset import load_data
from allmodes.figures import FAKE, REAL, cloud, frame, mark_missed, save_figure
from allmodes.tables import study_table
from allmodes.training.folder import free_folder
from allmodes.training.study import Study, study
from allmodes.training.train import train

SEEDS = 10
RING_STEPS = 2_000
DIGITS_STEPS = 4_500
HELD, TRAINED = 5_000, 10_000
"""Held-out and training examples of an audit."""
FOLDER = Path("demo")


def main() -> None:
    """Run the demo."""
    begun = time.perf_counter()
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"[bold]1. Mode collapse.[/bold] Eight narrow Gaussians on a ring; the GAN of 2014 and the default recipe, "
        f"{SEEDS} seeds each."
    )
    with Progress(console=Console(stderr=True), transient=True) as progress:
        studies = [
            study(recipe, "ring", seeds=SEEDS, steps=RING_STEPS, report=_bar(progress, recipe))
            for recipe in ("gan2014", "r3gan")
        ]
    Console(width=max(110, console.width)).print(study_table(studies))
    console.print(
        "A mode is captured by a single sample within 3 sigma of it, and a run that leaves one out has collapsed; a "
        "perfect sampler scores\n8 modes, 98.9 % and 0.001. In brackets: the range over the seeds, and the 95 % "
        "interval of the share that collapsed."
    )
    picture = FOLDER / "ring.png"
    save_figure(picture, _picture(*studies))
    console.print(f"What the 2014 GAN misses, and what the default makes: [bold]{picture}[/bold]\n")

    console.print("[bold]2. Real data.[/bold] The default recipe on 1797 handwritten digits, for about a minute.")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = _bar(progress, "digits")
        run = train(
            "r3gan",
            "digits",
            steps=DIGITS_STEPS,
            out=free_folder(FOLDER / "digits"),
            report=lambda step, steps, numbers: bar(step, steps),
            note=lambda line: console.print(f"[dim]Note: {line}.[/dim]"),
        )
    console.print(run.sentence)
    console.print(f"Samples: [bold]{run.folder / 'samples' / f'step-{DIGITS_STEPS:08d}.png'}[/bold]\n")

    console.print(
        "[bold]3. An audit[/bold] of both GANs of the ring, on data that neither has seen: what it misses, invents and "
        "copies."
    )
    for found in studies:
        _audit(console, found)

    console.print(f"\n[bold]4. Your data[/bold] (this took {time.perf_counter() - begun:.0f} s)")
    for command, does in (
        ("train --data my_pictures/ --resize 32", "a folder of PNG or JPEG files"),
        ("train --data table.csv --label kind", "a table, with a column that names the class"),
        (f"sample {run.folder} -n 1000 --out digits.npy", "from the run that was just trained"),
        ("study --recipe gan2014 --data grid --seeds 32", "how often does it collapse on 25 modes?"),
        (f"audit {run.folder}", "what the run that was just trained misses"),
        ("audit --real FILE --fake FILE", "what any generator misses"),
        ("recipes", "what else there is"),
    ):
        console.print(f"  .venv/bin/allmodes {command:<48} [dim]{does}[/dim]")


def _audit(console: Console, found: Study) -> None:
    """The audit of the seed that the picture shows, and where its report lies."""
    seed, _ = _shown(found)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = _bar(progress, f"audit of {found.recipe}")
        # Another draw of the ring: held-out data, and the true modes with it.
        audited = audit(
            real=load_data("ring", n=HELD, seed=1),
            fake=found.samples[seed],
            train=load_data("ring").part("train").x[:TRAINED],
            name=f"{found.recipe} on the ring, seed {seed}",
            report=lambda done, total, what: bar(done, total),
        )
    console.print(f"{found.recipe}, seed {seed}: [bold]{audited.answer}[/bold]: {audited.said.plain}")
    console.print(f"Report: [bold]{audited.save(FOLDER / f'audit-{found.recipe}')}[/bold]")


def _bar(progress: Progress, name: str) -> Callable[[int, int], None]:
    task: Any = progress.add_task(name, total=None)
    return lambda done, total: progress.update(task, completed=done, total=total)


def _picture(old: Study, new: Study) -> Any:
    """The data, a seed of the old recipe with the modes that it misses marked, and a seed of the new one."""
    from matplotlib.figure import Figure

    ring = load_data("ring")
    assert ring.modes is not None
    figure = Figure(figsize=(10.8, 3.9), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    cloud(panels[0], ring.part("test").x, REAL, "data: 8 modes")
    for axes, found in zip(panels[1:], (old, new), strict=True):
        seed, says = _shown(found)
        cloud(axes, found.samples[seed], FAKE, f"{found.recipe}, seed {seed}: {says}")
        mark_missed(axes, found.samples[seed], ring.modes)
        frame(axes, ring.modes.centres)
    return figure


def _shown(found: Study) -> tuple[int, str]:
    """The median of the seeds that collapsed, or of all where none did, and what to say of it."""
    modes = found.values("modes") or []
    collapsed = [seed for seed, health in enumerate(found.findings) if health.verdict == "collapsed"]
    ranked = sorted(collapsed or range(len(modes)), key=lambda seed: modes[seed])
    seed = ranked[(len(ranked) - 1) // 2]
    return seed, f"{modes[seed]:.0f} of 8 modes\n{len(collapsed)} of {len(modes)} seeds collapsed; missed modes ringed"


if __name__ == "__main__":
    main()
