"""`python -m autograder questions`: what is asked, what it is worth, and which mistakes are known."""

import json
import textwrap


def arguments(parser) -> None:
    parser.add_argument("question", nargs="*", help="all about these (default: a line for each)")
    parser.add_argument("--all", action="store_true", help="all about all questions")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options) -> int:
    from autograder.questions import QUESTIONS, find

    questions = [find(name) for name in options.question or QUESTIONS]
    if options.json:
        print(json.dumps([facts(question) for question in questions], indent=2, ensure_ascii=False))
    elif options.question or options.all:
        print("\n\n".join(text(question) for question in questions))
    else:
        print(table(questions))
    return 0


def facts(question) -> dict:
    """A question as plain data."""
    return {"question": question.name, "task": question.task, "points": question.points, "extra": question.extra,
            "answers": list(question.answers), "calls": list(question.calls), "checked": question.checked,
            "criteria": [{"name": c.name, "title": c.title, "points": c.points, "core": c.core}
                         for c in question.criteria],
            "misconceptions": [{"name": m.name, "hint": m.hint} for m in question.misconceptions]}


def table(questions: list) -> str:
    """A line for each question: name, task, points, what is checked."""
    width = max(len(question.name) for question in questions)
    lines = [f"{question.name:<{width}}  {question.task:<10}  {question.points:>3g}{'+' if question.extra else ' '}  "
             f"{question.checked}" for question in questions]
    return "\n".join([*lines, "", "+: extra. `python -m autograder questions NAME` says more, `--all` says all."])


def text(question) -> str:
    """The same for reading."""
    calls = f", may call {', '.join(question.calls)}" if question.calls else ""
    extra = " extra" if question.extra else ""
    lines = [f"{question.name} ({question.task}): {question.points:g} points{extra}, of "
             f"{', '.join(question.answers)}{calls}"]
    lines += [f"  {c.points:<4g} {c.name}: {c.title}{' (core: without it at most half)' if c.core else ''}"
              for c in question.criteria]
    for m in question.misconceptions:
        lines += textwrap.wrap(f"- {m.name}: {m.hint}", 110, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)

