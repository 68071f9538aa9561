"""A verdict as text and as HTML. It holds only sentences and numbers; all text is escaped."""

import html

from utils.check.verdict import Verdict

_GREEN, _RED, _GREY = "#1a7f37", "#b3261e", "#5f6368"


def as_text(verdict: Verdict, detail: bool = False) -> str:
    """One line: what was checked, or what is wrong. With `detail`, also numbers from the key."""
    if verdict.right:
        return f"✓ {verdict.question}: right. Checked: {verdict.checked}."
    if verdict.state == "not attempted":
        return f"○ {verdict.hint}"
    line = f"✗ {verdict.question}: {verdict.hint}"
    if detail and verdict.detail:
        line += f" {verdict.detail}"
    return line


def as_html(verdict: Verdict, detail: bool = False) -> str:
    """The same as a small block, with a line for each criterion where something is wrong."""
    colour = _GREEN if verdict.right else _GREY if verdict.state == "not attempted" else _RED
    rows = ""
    if verdict.state not in ("right", "not attempted"):
        marks = (f"{'✓' if verdict.earned.get(c.name) else '✗'} {html.escape(c.title)}" for c in verdict.criteria)
        rows = (f'<div style="color:{_GREY};margin-top:.3em">{" &nbsp; ".join(marks)}</div>')
    return (f'<div style="border-left:4px solid {colour};padding:.4em .8em;margin:.3em 0">'
            f'<span style="color:{colour}">{html.escape(as_text(verdict, detail))}</span>{rows}</div>')


class Shown:
    """What IPython displays for a verdict."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict

    def _repr_html_(self) -> str:
        return as_html(self.verdict, detail=True)

    def __repr__(self) -> str:
        return as_text(self.verdict, detail=True)


def show(verdict: Verdict) -> None:
    """Display the verdict under the cell; print it where there is no notebook."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(as_text(verdict, detail=True))
        return
    if get_ipython() is None:
        print(as_text(verdict, detail=True))
    else:
        display(Shown(verdict))
