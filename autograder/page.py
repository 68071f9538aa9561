"""Pages in one file that need no network and run no script, whatever text they show.

Templates escape all that is not `Markup`; only the functions here make `Markup` of other people's text.
"""

import functools
import math
import re

import mistune
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from mistune.util import safe_entity
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.reading import without_blanks

MAX_TEXT = 20_000       # characters of one text or cell that are shown
MAX_FORMULA = 250       # characters of a formula that is set
# terminal and other control characters, and those that turn the direction of what follows
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LINK = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)
_CODE_SPAN = re.compile(r"`([^`\n]+)`")


def render(template: str, **values) -> str:
    """A page of `templates/`, without characters that act but cannot be seen."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", _environment().get_template(template).render(**values))


@functools.cache
def _environment() -> Environment:
    found = Environment(loader=PackageLoader("autograder"), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"markdown": markdown, "python": python, "sentence": sentence, "points": points,
                      "percent": percent, "decimal": decimal}
    return found


def points(value: float) -> str:
    """1.5, 2 or 0.33."""
    return f"{round(value, 2):g}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def sentence(text: str) -> Markup:
    """One of our own sentences: what stands in backticks is code."""
    return Markup(_CODE_SPAN.sub(r"<code>\1</code>", str(escape(text))))


def python(source: str) -> Markup:
    """Highlighted Python."""
    return Markup(highlight(_bounded(without_blanks(source)), PythonLexer(), HtmlFormatter(nowrap=True)))


def markdown(text: str) -> Markup:
    """Markdown without HTML, pictures and other links than to web pages and mail; formulas are set."""
    return Markup(_markdown()(_bounded(text)))


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n[The rest is not shown.]"


@functools.cache
def _markdown():
    return mistune.create_markdown(renderer=_Renderer(escape=True),
                                   plugins=["math", "table", "strikethrough"])


class _Renderer(mistune.HTMLRenderer):
    def heading(self, text, level, **attributes):
        return f"<h4>{text}</h4>\n"

    def link(self, text, url, title=None):
        if not _LINK.fullmatch(url):
            return text
        return f'<a href="{safe_entity(url)}" rel="noopener noreferrer">{text}</a>'

    def image(self, text, url, title=None):
        return f"<em>[picture: {text}]</em>"

    def block_code(self, code, info=None):
        return f'<pre class="code">{python(code)}</pre>\n'

    def inline_math(self, text):
        return formula(text)

    def block_math(self, text):
        return f"<p>{formula(text)}</p>\n"


@functools.lru_cache(1000)
def formula(tex: str) -> Markup:
    """The formula as inline SVG in the colour of the text; what matplotlib cannot set is shown as written."""
    tex = " ".join(tex.split())
    try:
        drawn = _drawn(tex) if len(tex) <= MAX_FORMULA and tex.isascii() else None
    except Exception:       # matplotlib raises many kinds
        drawn = None
    return drawn or Markup("<code>${}$</code>").format(tex)


def _drawn(tex: str) -> Markup | None:
    """The formula as matplotlib sets it; None if nothing of it can be seen, or too much."""
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), f"${tex}$", size=16)
    box = path.get_extents().padded(1)
    if not len(path.vertices) or not (math.isfinite(box.width) and box.width < 2000 and box.height < 500):
        return None
    # a closing vertex has no meaning of its own
    outline = "".join(f"{'MLQC'[code - 1]}{' '.join(f'{value:.1f}' for value in values)}" if code < 5 else "Z"
                      for values, code in path.iter_segments(simplify=False))
    return Markup('<svg class="formula" role="img" viewBox="{} {} {} {}" '
                  'style="width:{}em;height:{}em;vertical-align:{}em"><title>{}</title>'
                  '<path transform="scale(1 -1)" d="{}"/></svg>').format(
        *(f"{value:.1f}" for value in (box.x0, -box.y1, box.width, box.height)),
        *(f"{value / 16:.2f}" for value in (box.width, box.height, box.y0)), tex, outline)
