"""How often each finding of an audit, and its whole verdict, is right: false alarms, power, intervals, localization.

    python benchmarks/audit_power.py [--seeds 220] [--power 50] [--large 20] [--minutes 7] [--jobs 16] [--quick]
                                     [--sets grid,mixture,digits,mnist] [--features pca,classifier] [--first 0]
                                     [--out benchmarks/results/audit_power.md]
    python benchmarks/audit_power.py --merge A.json B.json --out benchmarks/results/audit_power.md
    python benchmarks/audit_power.py --again missing --of A.json --out B.md

The "generators" are the true distribution with one planted fault (faults.py), so the truth is known. A trial draws
training, held-out and generated examples and asks every finding. Written beside the table: audit_power.json with every
trial. Every part of the work is spread over the whole, so that a run cut short by --minutes has its share of each. A
long run can be cut into pieces, on several machines: each begins at a seed of its own (--first), and --merge makes one
table of them, in which a trial that two pieces share counts once. Where one finding has changed since, --again asks it
alone of the same trials: all draws come from the trial's seed, and the answers of the others stay what they were.

One trial takes 1 s of one core at the small sizes and 6 s at the large ones (5,000 training, 5,000 held-out, 25,000
generated); the default takes about 7 minutes on 16 cores. MNIST is read from the folder ALLMODES_DATA.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import arguments, environment, publish, say, surroundings
from faults import FAULTS, POOLS, Planted, Pool, guide, needed, plant
from power_table import LARGE, Piece, Row, document, merge, pieces, trial, write

from allmodes.audit.copies import copies
from allmodes.audit.finding import Finding, Verdict
from allmodes.audit.frequencies import frequencies
from allmodes.audit.invented import invented
from allmodes.audit.levels import levels
from allmodes.audit.missing import missing
from allmodes.audit.observables import observables
from allmodes.audit.regions import Chart, grow
from allmodes.audit.scan import few, holm, scan
from allmodes.audit.sets import Sets
from allmodes.audit.spacing import spacing
from allmodes.audit.subject import Examples, Subject
from allmodes.audit.two_sample import two_sample
from allmodes.event import Event, Layout, Support

ALPHA = 0.05
ASKED = ("missing", "invented", "spacing", "frequencies", "copies", "two_sample")
LEVELS = levels(ALPHA, ASKED)
SMALL: dict[str, tuple[int, int, int]] = {
    "grid": (2000, 1000, 1000),
    "mixture": (2000, 1000, 1000),
    "digits": (600, 500, 500),
    "mnist": (2000, 1000, 2000),
}
OWN = {
    "invent": "invented",
    "intra": "spacing",
    "memo20": "copies",
    "memo5": "copies",
} | dict.fromkeys(("drop", "rare", "thin", "half"), "missing")
"""The question that is about a fault."""
LARGE_FAULTS = ("none", "drop", "thin", "half", "rare", "invent", "intra", "memo5")
ENERGY_LEVEL, SCALE = levels(ALPHA, [*ASKED, "observables"])["observables"], 1.02
COVERAGE_TRIALS, AT_ONCE = 500, 10
COVERAGE_SIZES = (1000, 500, 2500)
Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Job:
    """One pool, and the faults that are planted in it.

    Arguments:
        kind: "trial"; "interval" for some trials of the interval of the missing mass; "energy" for an observable.
        beside: whether what is published or simpler is tried too, at the small sizes.
        only: the findings that are asked; empty: all.
        own: whether only the question that is about the fault is asked.
    """

    kind: str
    pool: str
    features: str
    sizes: tuple[int, int, int]
    seed: int
    faults: tuple[str, ...] = ()
    beside: bool = False
    only: tuple[str, ...] = ()
    own: bool = False


@cache
def features(pool: str, name: str) -> Map:
    """The map of a set's examples [n, d] to features, fitted to examples that are in no trial."""
    if pool != "mnist":
        return lambda x: x
    from allmodes.audit.features import fit_features
    from allmodes.audit.maps import Task

    x, labels = guide()
    fitted = fit_features(name, Task(Event((28, 28), Support.REAL, layout=Layout.HW), x, labels))
    return lambda x: fitted(x.reshape(-1, 28, 28))


def questions(sets: Sets, pool: Pool, seed: int, on: Chart | None) -> dict[str, Callable[[], Finding]]:
    """Every finding at its share of the level."""
    n, held_out = len(sets.train), len(sets.real)
    # The floor of the classifier's test decides nothing and takes as long as the test: without training examples, none.
    no_floor = replace(sets, train=sets.train[:0], train_rows=sets.train_rows[:0])
    known = {"train_label": pool.label[:n], "real_label": pool.label[n : n + held_out]}
    return {
        "missing": lambda: missing(sets, LEVELS["missing"], seed, on=on),
        "invented": lambda: invented(sets, LEVELS["invented"], seed),
        "spacing": lambda: spacing(sets, LEVELS["spacing"], seed, on=on),
        "frequencies": lambda: frequencies(sets, LEVELS["frequencies"], seed, **known),
        "copies": lambda: copies(sets, LEVELS["copies"], seed),
        "two_sample": lambda: two_sample(no_floor, LEVELS["two_sample"], seed),
    }


def beside(sets: Sets, seed: int, on: Chart) -> dict[str, float]:
    """P-values of what is published or simpler, on the same trial.

    "bins, Holm": k-means bins of the training examples, Fisher's test of held-out against generated ones. "NDB": the
    same bins, training against generated examples, any bin at 5 % (1805.12462). "plain tree": our scan without weights.
    """
    from sklearn.cluster import KMeans

    bins = KMeans(25, n_init=1, random_state=seed).fit(sets.train)
    train, real, fake = (np.bincount(bins.predict(x), minlength=25) for x in (sets.train, sets.real, sets.fake))
    n, held_out, m = train.sum(), real.sum(), fake.sum()
    pooled = (train + fake) / (n + m)
    z = (train / n - fake / m) / np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / m))
    plain = replace(on.regions, weight=np.full(len(on.regions), 1 / len(on.regions)))
    return {
        "NDB": 0.0 if (np.abs(z) > 1.96).any() else 1.0,
        "bins, Holm": float(holm(few(fake, real, m, held_out)).min()),
        "plain tree": scan(plain, on.fake, on.real, np.random.default_rng(seed)).least,
    }


def work(job: Job) -> list[Row]:
    """The trials of a job, in a process of its own."""
    torch.set_num_threads(1)
    if job.kind == "energy":
        return [_energy(job, scale) for scale in (1.0, SCALE)]
    if job.kind == "interval":
        return [_interval(job, AT_ONCE * job.seed + i) for i in range(AT_ONCE)]
    pool = POOLS[job.pool](needed(job.sizes), job.seed)
    to_features = features(job.pool, job.features)
    rows = to_features(pool.x)
    n, held_out, _ = job.sizes
    train, real = rows[:n], rows[n : n + held_out]
    regions = grow(train, job.seed)
    located = regions.locate(train), regions.locate(real)
    found = []
    for fault in job.faults:
        planted = plant(pool, fault, job.sizes, job.seed)
        fake = rows[planted.rows].copy()
        if len(planted.changed):
            fake[planted.changed] = to_features(planted.values)
        sets = Sets(train, real, fake, True, *(np.arange(len(x)) for x in (train, real, fake)))
        on = None
        if not job.own or OWN[fault] in ("missing", "spacing"):
            on = Chart(regions, *located, regions.locate(fake))
        found.append(_ask(job, fault, pool, planted, sets, on))
    return found


def _ask(job: Job, fault: str, pool: Pool, planted: Planted, sets: Sets, on: Chart | None) -> Row:
    row: Row = {"set": job.pool, "features": job.features, "sizes": job.sizes, "seed": job.seed, "fault": fault}
    row |= {"p": {}, "found": []}
    seconds = 0.0
    for name, ask in questions(sets, pool, job.seed, on).items():
        if name == "two_sample" and (fault != "none" or job.sizes == LARGE):
            continue  # it takes longer than all others; where nothing is wrong it is asked, for the false alarms
        if (job.only and name not in job.only) or (job.own and name != OWN[fault]):
            continue
        begun = time.process_time()
        finding = ask()
        seconds += time.process_time() - begun
        row["found"] += [name] * (finding.verdict is Verdict.FOUND)
        row["p"][name] = _short(finding.p_value)
        if name == "missing" and finding.regions:
            row |= {"low": _short(finding.low), "high": _short(finding.high)}
            flagged = np.unique(np.concatenate([region.examples for region in finding.regions])).astype(int)
            hit = pool.group[len(sets.train) : len(sets.train) + len(sets.real)] == planted.hit
            row |= {"flagged": _short(hit[flagged].sum() / hit.sum()), "right": _short(hit[flagged].mean())}
        if name == "copies" and fault.startswith("memo"):
            listed = np.array([pair.fake for pair in finding.pairs], int)
            row |= {"listed": len(listed), "false": int((~np.isin(listed, planted.changed)).sum())}
    row["seconds"] = round(seconds, 3)
    if job.beside and on:
        row["beside"] = {name: _short(p) for name, p in beside(sets, job.seed, on).items()}
    return row


def _short(number: float | None) -> float | None:
    """With as many digits as a table of thousands of trials needs."""
    return None if number is None else float(f"{number:.4g}")


def _interval(job: Job, seed: int) -> Row:
    """The interval of the missing mass of the certified regions, and the truth, where a known share is generated."""
    rng = np.random.default_rng([seed, 7])
    n, held_out, m = job.sizes
    pool = POOLS[job.pool](n + held_out + 3 * m, seed)
    kept = float(rng.choice([0.0, 0.1, 0.3]))
    after = np.arange(n + held_out, len(pool.x))
    some = np.where(pool.group[after] == pool.common, kept, 1.0) > rng.random(len(after))
    train, real, fake = pool.x[:n], pool.x[n : n + held_out], pool.x[after[some][:m]]
    sets = Sets(train, real, fake, True, *(np.arange(len(x)) for x in (train, real, fake)))
    regions = grow(train, seed)
    on = Chart(regions, *(regions.locate(x) for x in (train, real, fake)))
    finding = missing(sets, ALPHA, seed, on=on)
    row: Row = {"set": job.pool, "features": "identity", "seed": seed, "interval": True, "kept": kept}
    named = [region for region in finding.regions if region.certified]
    if not named:
        return row
    inside = regions.inside[on.real]
    chosen = []
    for region in named:
        members = np.zeros(held_out, bool)
        members[list(region.examples)] = True
        chosen.append(int(np.flatnonzero((inside == members[:, None]).all(0))[0]))
    # Shares of groups are known; what part of each group is in the regions is measured on a large fresh sample.
    fresh = POOLS[job.pool](40_000, seed)
    atoms = np.any(regions.inside[:, chosen], axis=1)[regions.locate(fresh.x)]
    weights = fresh.weights
    lost = weights.copy()
    lost[pool.common] *= kept
    change = weights - lost / lost.sum()
    part = np.array([atoms[fresh.group == k].mean() for k in range(len(weights))])
    return row | {"truth": float(change @ part), "low": _short(finding.low), "high": _short(finding.high)}


def _energy(job: Job, scale: float) -> Row:
    """Showers of one beam energy in 12 layers, seen with 15 % resolution: is the energy scale of the samples off?"""
    rng = np.random.default_rng([job.seed, 12])
    energy = 20 * rng.normal(1, 0.15, (sum(job.sizes), 1))
    showers = (energy * rng.dirichlet(np.linspace(1, 4, 12), len(energy))).astype(np.float32)
    train, real, fake = np.split(showers, np.cumsum(job.sizes[:2]))
    sides = [Examples(x, np.arange(len(x))) for x in (train, real, scale * fake)]
    begun = time.process_time()
    finding = observables(Subject(Event((12,)), *sides, True), {"energy": lambda x: x.sum(1)}, ENERGY_LEVEL, job.seed)
    return {
        "set": "showers",
        "features": "identity",
        "sizes": job.sizes,
        "seed": job.seed,
        "fault": "none" if scale == 1 else "energy scale + 2 %",
        "p": {"observables": _short(finding.p_value)},
        "found": ["observables"] * (finding.verdict is Verdict.FOUND),
        "seconds": round(time.process_time() - begun, 3),
    }


def jobs(asked: Any) -> list[Job]:
    """All trials, every part of the work spread evenly over the whole."""
    names = [name for name in asked.sets.split(",") if name != "mnist" or "ALLMODES_DATA" in os.environ]
    due: list[tuple[float, Job]] = []

    def add(
        count: int, first: int, kind: str, name: str, space: str, sizes: tuple[int, int, int], *faults: str
    ) -> None:
        seeds = range(asked.first + first, asked.first + count)
        own = asked.own and sizes == LARGE
        due.extend(
            (
                (i + 0.5) / len(seeds),
                Job(kind, name, space, sizes, s, faults, sizes != LARGE and s < asked.beside, own=own),
            )
            for i, s in enumerate(seeds)
        )

    for name in names:
        for space in asked.features.split(",") if name == "mnist" else ("identity",):
            faulty = 0 if name == "mnist" else min(asked.power, asked.seeds)
            add(faulty, 0, "trial", name, space, SMALL[name], *FAULTS)
            add(asked.seeds, faulty, "trial", name, space, SMALL[name], "none")
            if name != "digits":
                add(asked.large, 0, "trial", name, space, LARGE, *LARGE_FAULTS[asked.own :])
    add(asked.energy, 0, "energy", "showers", "identity", LARGE)
    if "grid" in names:
        add(asked.coverage // AT_ONCE, 0, "interval", "grid", "identity", COVERAGE_SIZES)
    return [job for _, job in sorted(due, key=lambda pair: pair[0])]


def again(rows: Sequence[Row], only: tuple[str, ...]) -> list[Job]:
    """The trials of these rows, of which some findings are asked again."""
    faults: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        if "missing" in row.get("p", {}):
            where = row["set"], row["features"], tuple(row["sizes"]), row["seed"]
            faults.setdefault(where, []).append(row["fault"])
    return [Job("trial", *where, tuple(some), only=only) for where, some in faults.items()]


def renewed(old: Row, new: Row) -> Row:
    """A trial with the answers of those findings that were asked again."""
    told = ("low", "high", "flagged", "right") if "missing" in new["p"] else ()
    kept = {key: value for key, value in old.items() if key not in told}
    p_values = {name: p if p is None else _short(p) for name, p in (old["p"] | new["p"]).items()}
    return kept | new | {
        "p": p_values,
        "found": [name for name, p in p_values.items() if p is not None and p <= LEVELS[name]],
        "seconds": round(old["seconds"] + new["seconds"], 3),
    }  # fmt: skip


def run(todo: Sequence[Job], processes: int, minutes: float, keep: Callable[[list[Row]], None]) -> list[Row]:
    """Everything, or as much as the time allows; what is done is kept now and then."""
    begun, rows = time.monotonic(), []
    os.environ |= environment(1)
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: set[Future[list[Row]]] = set()
        for count, job in enumerate(todo):
            if time.monotonic() - begun > 60 * minutes:
                say(f"stopped after {minutes} minutes, before job {count}: {job}")
                break
            waiting.add(pool.submit(work, job))
            if len(waiting) > processes:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                rows += [row for future in done for row in future.result()]
            if count % 50 == 0:
                say(f"job {count} of {len(todo)}, {len(rows)} trials done, {time.monotonic() - begun:.0f} s")
                keep(rows)
        rows += [row for future in waiting for row in future.result()]
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sets", default=",".join(POOLS))
    parser.add_argument("--features", default="pca,classifier", help="of MNIST")
    parser.add_argument("--seeds", type=int, default=220, help="healthy generators of each set")
    parser.add_argument("--power", type=int, default=50, help="seeds with every fault, at the small sizes")
    parser.add_argument("--large", type=int, default=20, help="seeds with every fault, at the large sizes")
    parser.add_argument("--own", action="store_true", help="there, ask only the question that is about the fault")
    parser.add_argument("--coverage", type=int, default=COVERAGE_TRIALS, help="trials of the interval")
    parser.add_argument(
        "--beside", type=int, default=100, help="what is published is tried beside ours below this seed"
    )
    parser.add_argument("--energy", type=int, default=250, help="seeds of the observable")
    parser.add_argument("--first", type=int, default=0, help="the first seed of each set")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes, of one thread each")
    parser.add_argument("--minutes", type=float, default=7.0, help="no trial is begun after that")
    parser.add_argument("--quick", action="store_true", help="a few seeds at the small sizes: does it run?")
    parser.add_argument(
        "--merge", type=Path, nargs="+", metavar="JSON", help="only make a table of the trials in these"
    )
    parser.add_argument("--again", type=lambda names: tuple(names.split(",")), help="ask only these findings")
    parser.add_argument("--of", type=Path, nargs="+", metavar="JSON", help="of the trials in these")
    asked = parser.parse_args()
    if asked.merge:
        merged = merge([piece for path in asked.merge for piece in pieces(path)])
        if asked.out:
            write(merged, asked.out)
        publish(asked.out, *document(merged))
        return
    if asked.quick:
        asked.seeds, asked.power, asked.large, asked.coverage, asked.energy = 3, 1, 0, AT_ONCE, 3
    begun = time.monotonic()
    where = surroundings(f"one for each of {asked.jobs} processes")

    old = {trial(row): row for path in asked.of or () for piece in merge(pieces(path)) for row in piece.trials}
    todo = again(list(old.values()), asked.again) if asked.again else jobs(asked)
    if asked.again:
        before = dict.fromkeys(piece.where for path in asked.of for piece in pieces(path))
        where += f" Asked again here: {', '.join(asked.again)}; the other answers of these trials: {' '.join(before)}"

    def piece(rows: list[Row]) -> Piece:
        if asked.again:
            rows = [renewed(old[trial(row)], row) for row in rows]
        return Piece(where, ALPHA, LEVELS, round(time.monotonic() - begun, 1), rows)

    def keep(rows: list[Row]) -> None:
        if asked.out:
            write([piece(rows)], asked.out)

    done = piece(run(todo, asked.jobs, asked.minutes, keep))
    if asked.out:
        write([done], asked.out)
    publish(asked.out, *document([done]))


if __name__ == "__main__":
    main()
