"""Every check on one model."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import Tensor

from allmodes.errors import UserError
from allmodes.event import Condition
from allmodes.models.base import GenerativeModel
from allmodes.testing.checks import CHECKS
from allmodes.testing.report import Check, CheckFailed, NotApplicable, Outcome, Report
from allmodes.testing.subject import Subject


def check_model(
    model: GenerativeModel,
    x: Tensor,
    condition: Condition | None = None,
    *,
    rebuild: Callable[[], GenerativeModel] | None = None,
    steps: int = 500,
    budget: int | None = None,
    seed: int = 0,
    raises: bool = True,
) -> Report:
    """Hold a model against what must be true of every model of its kind.

    Samples are examples; evaluating changes nothing; a density sums or integrates to one, its samples follow it, its
    loss and its gradients belong to it. What does not apply, such as a sum over more states than can be enumerated or
    the density of a GAN, is reported as that. Take a small event to have everything checked: a few bits, one or two
    real numbers. The model is not changed.

    Arguments:
        model: fitted, trained or not.
        x: examples in the user's units, [n, *shape]; two to a few hundred, not all the same.
        condition: of each, for a conditional model.
        rebuild: makes the model anew, to load the state of this one; without it a copy does.
        steps: of learning two examples by heart; 0 leaves that out.
        budget: of every score, samples an example; left out, the model's own, and more where a bound has to be tight.
        seed: of all that is drawn: a check says the same twice.
        raises: whether a failed check raises.

    Returns:
        Each check's outcome and what it measured; `print(report)` lists them.

    Raises:
        CheckFailed: with a line for each check that failed, if `raises`.
        UserError: for examples or conditions that the model's event does not have.
    """
    if len(x) < 2:
        raise UserError(f"check_model needs at least 2 examples and got {len(x)}")
    model.event.require(x)
    if model.conditional != (condition is not None):
        wanted = "needs the condition of each example" if model.conditional else "takes no condition; leave it out"
        raise UserError(f"check_model: this {type(model).__name__} {wanted}")
    if condition is not None:
        model.event.require_condition(condition, len(x))
    subject = Subject(copy.deepcopy(model), x, condition or Condition(), seed, rebuild, steps, budget)
    report = Report(tuple(_run(check, subject) for check in CHECKS))
    if raises and not report.passed:
        raise CheckFailed("\n".join(map(str, report.having(Outcome.FAILED))))
    return report


def _run(check: Callable[[Subject], str], subject: Subject) -> Check:
    name = check.__name__.replace("_", " ")
    try:
        return Check(name, Outcome.PASSED, check(subject))
    except NotApplicable as reason:
        return Check(name, Outcome.NOT_APPLICABLE, str(reason))
    except CheckFailed as failure:
        return Check(name, Outcome.FAILED, str(failure))
    except Exception as error:  # a model that raises fails the check, whatever it raises
        return Check(name, Outcome.FAILED, f"raised {type(error).__name__}: {error}")
