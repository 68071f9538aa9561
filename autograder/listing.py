"""`python -m autograder questions`: what is asked, what it is worth, and which mistakes are known."""

import json
import textwrap


def arguments(parser) -> None:
    parser.add_argument("question", nargs="*", help="only these (default: all)")
    parser.add_argument("--brief", action="store_true", help="a line for each: task, points, what is checked")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options) -> int:
    from autograder.check import named
    from autograder.questions import QUESTIONS

    questions = [named(name) for name in options.question or QUESTIONS]
    if options.json:
        print(json.dumps([facts(question) for question in questions], indent=2, ensure_ascii=False))
    elif options.brief:
        print(table(questions))
    else:
        print("\n\n".join(text(question) for question in questions))
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
    return "\n".join([*lines, "", "+: extra."])


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

