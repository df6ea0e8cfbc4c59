"""What an audit says to people: the verdict in a sentence, the questions, numbers as they are read."""

from __future__ import annotations

from collections.abc import Sequence

from allmodes.audit.finding import Finding, Verdict

QUESTIONS = {
    "missing": "Does it leave out a part of the data?",
    "invented": "Does it make what does not exist?",
    "copies": "Does it copy examples that it was trained on?",
    "spacing": "Do its samples lie too close together inside a mode?",
    "frequencies": "Does each class or mode come as often as it should?",
    "observables": "Are your observables distributed as in the data?",
    "residuals": "Does it obey your constraints?",
    "conditions": "Does it make what it is asked for?",
    "marginals": "Is each column, and each pair of columns, distributed as in the data?",
    "pixels": "Does each pixel light up as often as in the data?",
    "two_sample": "Can a classifier tell its samples from the data?",
    "log_density": "What density does it give to data that it has not seen?",
}
METHODS = {
    "missing": "A tree of clusters over the training examples gives regions of every size. Half of the generated "
    "examples choose the suspicious ones; the other half and the held-out examples, which chose "
    "nothing, certify them by exact tests. The interval is that of the mass that is missing in the regions which are "
    "named: elsewhere more may be missing.",
    "invented": "The mirror image: regions that hold generated examples and too few held-out ones.",
    "copies": "Under no copying a generated example is as near to a training example as to a held-out one. "
    "Labels “training” and “held out” are exchanged to test that, and single copies are listed at a "
    "controlled share of false ones.",
    "spacing": "In each cell the distances between generated examples are compared with those between real ones, "
    "labels exchanged inside the cell.",
    "frequencies": "Counts of each class or known mode, generated against held-out, by exact tests. Classes are told "
    "by the samples' own labels; where they have none, by a vote of the nearest training examples, and the rates are "
    "corrected for the errors that it makes of held-out examples, as if it made the same of generated ones.",
    "observables": "Your functions of an example, over all and in bins of each condition: Kolmogorov-Smirnov and "
    "Mann-Whitney tests, and of the most extreme values whose they are; Holm's correction over all looks. The "
    "outermost bins hold what lies beyond.",
    "residuals": "The residual's 99 % quantile over the training examples is the tolerance; those beyond it are "
    "counted, generated against held-out, by Fisher's exact test, and the sizes of all are compared by a Mann-Whitney "
    "test; the smaller of the two p-values counts, doubled.",
    "conditions": "A judge trained on real training examples recognises classes and values, of held-out and of "
    "generated examples; what it gets wrong, it gets wrong on both sides.",
    "marginals": "Kolmogorov-Smirnov and Mann-Whitney tests of each column, and of its most extreme values whose they "
    "are, with Holm's correction over the columns; rank correlations of each pair, the largest difference against "
    "permuted labels. The two share the level.",
    "pixels": "In how many examples each pixel is brighter than its median, or at it where that is its largest value, "
    "by Fisher's exact test, with Holm's correction over the pixels that change.",
    "two_sample": "A classifier learns to tell generated from held-out examples and is tried on examples that it "
    "did not learn from; 0.5 is chance.",
    "log_density": "The mean logarithm of the model's density, with what kind of number it is. It informs and does "
    "not decide.",
}
FIGURES = {
    "frechet": "Fréchet distance",
    "kernel": "kernel distance",
    "sliced_wasserstein": "sliced Wasserstein distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}
"""Figures that only inform, and stand in one table."""
SHARES = ("missing", "invented", "copies", "spacing", "residuals")
"""Findings whose figure is a share of the examples."""
MEASURES = {
    "missing": "of the data",
    "invented": "of the samples",
    "copies": "of the samples",
    "spacing": "of the data",
    "frequencies": "total variation",
    "observables": "largest distance",
    "residuals": "of the samples",
    "conditions": "clearest gap",
    "marginals": "largest distance",
    "pixels": "clearest gap",
    "two_sample": "AUC",
    "log_density": "nats",
}
"""What the figure of a finding is, or is a share of."""
_ANSWERS = {Verdict.FOUND: "found", Verdict.NOT_FOUND: "not found", Verdict.CANNOT_TELL: "cannot tell"}
_DIFFERS = {Verdict.FOUND: "differs", Verdict.NOT_FOUND: "", Verdict.CANNOT_TELL: "cannot tell"}


def answer(finding: Finding) -> str:
    """In a word or two; of a figure that informs, whether it is off from its floor, or nothing."""
    return (_ANSWERS if finding.decides else _DIFFERS)[finding.verdict]


def percent(share: float) -> str:
    """A share as people read it, with no more digits than it needs.

    >>> percent(0.1234), percent(0.0123), percent(0.00071), percent(1.0)
    ('12.3 %', '1.2 %', '0.071 %', '100 %')
    """
    value = 100 * share
    digits = 0 if abs(value) >= 99.95 or value == 0 else 1 if abs(value) >= 1 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f} %"


def number(value: float | None, share: bool = False) -> str:
    """A figure for a table; an empty string where there is none."""
    if value is None:
        return ""
    return percent(value) if share else f"{value:.3g}"


def p_value(p: float | None) -> str:
    """A p-value for a table.

    >>> p_value(0.04321), p_value(1e-9), p_value(None)
    ('0.043', '< 0.0001', '')
    """
    if p is None:
        return ""
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def claim(finding: Finding) -> str:
    """What a finding that was found says of the generator, as the end of a sentence: "misses 12 % of the data"."""
    figure = number(finding.estimate, finding.name in SHARES)
    if finding.low is not None and finding.high is not None and figure:
        ends = (number(end, finding.name in SHARES).removesuffix(" %") for end in (finding.low, finding.high))
        figure = f"{figure} [{', '.join(ends)}]"
    match finding.name:
        case "missing" if finding.low:
            return f"misses at least {percent(finding.low)} of the data ({figure} where it was seen)"
        case "missing":
            return f"misses a part of the data ({figure} where it was seen)"
        case "invented" if any(region.real_mass < 0.1 * region.fake_mass for region in finding.regions):
            return f"invents {figure} of its samples"
        case "invented" if not finding.regions:
            return "makes samples where the data have fewer"
        case "invented":
            return f"makes {figure} of its samples where the data have fewer"
        case "copies":
            return "copies training examples"
        case "spacing":
            return "makes samples that lie too close together inside modes"
        case "frequencies":
            return "makes some classes or modes too rarely or too often"
        case "observables":
            return "distorts observables"
        case "residuals":
            return "breaks constraints"
        case "conditions":
            return "does not make what it is asked for"
        case "marginals":
            return "distorts columns or their correlations"
        case "pixels":
            return "lights pixels too rarely or too often"
        case "two_sample":
            return f"is told from the data by a classifier (AUC {figure})"
        case name:
            return f"differs in {name.replace('_', ' ')}"


def joined(parts: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(
    findings: Sequence[Finding],
    *,
    features: str,
    n_real: int,
    n_fake: int,
    alpha: float,
    enough: bool,
    blind: bool,
    hides: str,
) -> str:
    """The verdict in one sentence: what was found, in which features, from how many examples, and what could hide.

    Arguments:
        enough: whether there are enough examples to test anything.
        blind: whether the features show no group that is left out.
    """
    basis = f"{n_real:,} held-out and {n_fake:,} generated examples in {features}"
    found = [finding for finding in findings if finding.decides and finding.verdict is Verdict.FOUND]
    if found:
        order = list(QUESTIONS)
        claims = [
            claim(one) for one in sorted(found, key=lambda one: order.index(one.name) if one.name in order else 99)
        ]
        return f"The generator {joined(claims)}, judged by {basis} at level {100 * alpha:g} %; {hides}."
    if not enough:
        return f"Cannot tell: {basis} are too few to test anything; give at least 100 of each, better thousands."
    if blind:
        return f"Cannot tell: no fault was found in {basis} at level {100 * alpha:g} %, but {hides}."
    return f"No fault was found in {basis} at level {100 * alpha:g} %; {hides}."
