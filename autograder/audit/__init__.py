"""`python -m autograder audit WHAT`: tries the project's own promises. What keeps checks and grading honest."""

import importlib

KINDS = {       # name -> module, one line of help
    "attacks": ("autograder.audit.attacks", "grade hostile and odd submissions, compare with what they deserve"),
    "checks": ("autograder.audit.checks", "run a bank of right and wrong answers against the checks"),
    "seeds": ("autograder.audit.seeds", "ask for luck: right and nearly right answers under thousands of secret seeds"),
}


def arguments(parser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="WHAT", required=True)
    for name, (module, purpose) in KINDS.items():
        importlib.import_module(module).arguments(kinds.add_parser(name, help=purpose, description=purpose))


def run(options) -> int:
    return importlib.import_module(KINDS[options.kind][0]).run(options)
