"""`allmodes audit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from allmodes.atomic import require_folder
from allmodes.cli.flags import Columns, Common, Count, Share, Switch, Text, Whole
from allmodes.cli.terminal import progress, say
from allmodes.errors import UserError

Functions = Annotated[tuple[str, ...], arg(metavar="[NAME=]MODULE:FUNCTION", help_behavior_hint=""), UseAppendAction]


@dataclass
class Audit(Common):
    """Say what a generator misses, invents and copies, and how sure that is.

    Give the folder of a run, or samples from anywhere with --real and --fake.
    """

    run: Annotated[Positional[str | None], arg(metavar="[RUN]", help_behavior_hint="")] = None
    """Folder of a run; its own held-out data are used, and samples are drawn."""
    data: Text = None
    """Where the data file of a run lies now, if it was moved."""
    real: Text = None
    """Real examples that the generator was not trained on: a file or folder in any format that train reads."""
    fake: Text = None
    """Generated examples."""
    train: Text = None
    """The examples that it was trained on; without them copies cannot be told."""
    label: Text = None
    """Column or array of the files that names the class."""
    condition: Columns = ()
    """Column or array of the files that is a continuous condition; may be repeated."""
    resize: Whole = None
    """Scale images of all files to this many rows and columns."""
    features: Text = None
    """In what examples are compared (see: allmodes features), or module:function. Default: what suits the data."""
    observable: Functions = ()
    """Your function of examples, one number each, that must be distributed as in the data; may be repeated."""
    constraint: Functions = ()
    """Your function of examples that is 0 where they obey; may be repeated."""
    alpha: Share = 0.05
    """Chance that a generator without fault fails. Default: 0.05."""
    seed: Count = 0
    """Seed of the samples and of every draw. Default: 0."""
    n_fake: Whole = None
    """Samples to draw from a run. Default: 5 to 10 times the held-out examples."""
    self_test: Switch = False
    """Plant many faults in the real data and print what would be seen; takes minutes. A short form is always done."""
    fail_on: Annotated[Literal["found", "undecided", "never"], arg(help_behavior_hint="")] = "never"
    """Exit with status 3 where a fault is found; undecided: and where none could be, as with too few examples. Default:
    never."""
    out: Text = None
    """Folder of report.html and audit.json. Default: RUN/audit, or audit."""
    device: Text = None
    """cpu or cuda. Default: a GPU if there is one."""
    neighbours: Annotated[Literal["exact", "approximate"], arg(help_behavior_hint="")] = "exact"
    """Approximate: precision, recall, density and coverage of all of very many examples (extra:
    allmodes[approximate]). Default: exact."""

    def __call__(self) -> dict[str, Any]:
        from allmodes.audit.api import audit
        from allmodes.cli.findings import summary
        from allmodes.training.run import load

        run = None
        if self.run is not None:
            for flag in ("real", "fake", "train", "label", "condition", "resize"):
                if given := getattr(self, flag):
                    raise UserError(
                        f"--{flag} {given}: a run has its own data and samples; give the run or files, not both"
                    )
            run = load(self.run)
        elif self.data is not None:
            raise UserError(f"--data {self.data}: give the folder of a run with it, or --real FILE and --fake FILE")
        elif self.real is None or self.fake is None:
            raise UserError("give the folder of a run, or --real FILE and --fake FILE")
        out = require_folder(self.out if self.out else run.folder / "audit" if run else "audit")
        with progress("audit") as advance:
            found = audit(
                run,
                real=self.real or self.data,
                fake=self.fake,
                train=self.train,
                features=self.features,
                observables=self.observable,
                constraints=self.constraint,
                alpha=self.alpha,
                seed=self.seed,
                n_fake=self.n_fake,
                self_test="full" if self.self_test else "short",
                label=self.label,
                condition=self.condition,
                resize=self.resize,
                device=self.device,
                neighbours=self.neighbours,
                report=advance,
            )
        path = found.save(out)
        if not self.json:
            for part in summary(found, self_test=self.self_test):
                say(part)
            say(f"report: {path}")
        return found.to_dict(path)

    def status(self, result: Any) -> int:
        """3 where a fault was found, or where nothing could be told, and that was asked for."""
        failed = result["verdict"] == "fail" or (self.fail_on == "undecided" and result["undecided"])
        return 3 if failed and self.fail_on != "never" else 0
