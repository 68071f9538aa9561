"""Content that must not be alive in the pages that people look at: feedback, formgrader, reports."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.audit.corpus import hostile

SCRIPT = "<script>alert('@NAME@')</script>"
IMAGE = "<img src=x onerror=alert(1)>"
TEXTS = [       # each one a way to get something alive through Markdown, HTML or TeX
    SCRIPT, IMAGE, "<svg/onload=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>", "[x](javascript:alert(1))", "[x](<java\tscript:alert(1)>)",
    "[x](java&Tab;script:alert(1))", "[x](&#106;avascript:alert(1))", "[x](JaVaScRiPt:alert(1))",
    "[x]( javascript:alert(1))", "[x](\x01javascript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:alert(1))", "![x](javascript:alert(1))", "![x](http://127.0.0.1:1/beacon.png)", "<javascript:alert(1)>",
    "[x][y]\n\n[y]: javascript:alert(1)", "[x]\n\n[x]: <java\tscript:alert(1)>", '[x](http://a "onmouseover=alert(1)")',
    '[x](http://a"onmouseover="alert(1))', "```html\n" + SCRIPT + "\n```", "``" + SCRIPT + "``",
    "$$\\href{javascript:alert(1)}{x}$$", "$\\style{background:url(javascript:alert(1))}{x}$",
    "$\\class{modal}{x}$ $\\cssId{toc}{x}$", "$\\require{action}\\toggle{x}{y}\\endtoggle$",
    "$\\mmlToken{mi}[href=\"javascript:alert(1)\"]{x}$", "$\\bbox[position:fixed;top:0;left:0]{x}$",
    "$\\def\\x{\\href}\\x{javascript:alert(1)}{x}$", "$\\let\\y=\\href \\y{javascript:alert(1)}{x}$",
    "$\\unicode[serif,x;onclick=1]{x263a}$", "$\\text{" + SCRIPT + "}$", "$" + IMAGE + "$", "\\(" + SCRIPT + "\\)",
    "</div></body>" + SCRIPT, "<!-- --!>" + SCRIPT, "<style>body{display:none}</style>", "<base href='http://a'>",
    "<meta http-equiv=refresh content='0;url=http://a'>", "<form action='http://a'><input></form>",
    "<math href='javascript:alert(1)'>x</math>", "<x onclick=alert(1)>x</x>", "<ſcript>alert(1)</ſcript>",
    "&#36;&#92;href{javascript:alert(1)}{x}&#36;", "&dollar;&bsol;style{color:red}{x}&dollar;",
    "&#92;(&#92;href{javascript:alert(1)}{x}&#92;)", "| $\\hre&#102;{javascript:alert(1)}{x}$ |\n|---|",
    "&amp;#36;&amp;#92;href{javascript:alert(1)}{x}&amp;#36;", "$\\,$ ${}$ $\\text{ }$ $\\mathrm{}$ $\\operatorname{}$",
    "{{ 7 * 7 }} {% raw %} ${7*7}", "%3Cscript%3Ealert(1)%3C/script%3E", "\u202e<script>alert(1)</script>\u202c",
]
MIMES = {"text/html": SCRIPT + IMAGE, "image/svg+xml": "<svg onload='alert(1)'/>", "application/javascript": "alert(1)",
         "text/markdown": SCRIPT, "text/latex": "$\\href{javascript:alert(1)}{x}$", "text/plain": SCRIPT,
         "application/vnd.jupyter.widget-view+json": {"model_id": "x", "version_major": 2, "version_minor": 0},
         "image/png": "\"><script>alert(1)</script>", "application/pdf": "x", "application/json": {"x": SCRIPT}}


def _write(notebook, grade_id, text):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            cell.source += "\n\n" + text
    return notebook


def _train_outputs(notebook, outputs):
    for cell in notebook.cells:
        if "train" in cell.metadata.get("tags", []):
            cell.outputs, cell.execution_count = outputs, 1
    return notebook


hostile("written-answer", "markup of every kind in a written answer", base="right",
        change=lambda notebook: _write(notebook, "why_not_ae", "\n\n".join(TEXTS)))


def _extra_cells(notebook):
    for text in TEXTS:
        notebook.cells.insert(3, new_markdown_cell(text))
        notebook.cells.insert(3, new_code_cell("# " + text.replace("\n", " ")))
    notebook.cells.insert(3, new_markdown_cell(
        "![x](attachment:x.svg)", attachments={"x.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}))
    return notebook


hostile("extra-cells", "the same in extra cells, and as comments in code", base="right", change=_extra_cells)
hostile("display-html", "displays HTML, SVG, JavaScript, widgets and LaTeX", base="right", last=f"""
from IPython.display import display, HTML, Javascript, SVG, Markdown, Latex, IFrame
display({MIMES!r}, raw=True)
for one in (HTML("{SCRIPT}"), Javascript("alert(1)"), Markdown("{SCRIPT}"), IFrame("javascript:alert(1)", 9, 9)):
    display(one)
print("{SCRIPT}", "\\x1b]8;;javascript:alert(1)\\x07x\\x1b]8;;\\x07", "\\x1b[31m{IMAGE}\\x1b[0m")
raise ValueError("{SCRIPT}{IMAGE}")
""")
hostile("kept-outputs", "the same as outputs of a cell that is not run", base="right",
        change=lambda notebook: _train_outputs(notebook, [
            new_output("display_data", dict(MIMES)), new_output("stream", text=SCRIPT + "\x1b[31m" + IMAGE),
            new_output("error", ename=SCRIPT, evalue=IMAGE, traceback=[SCRIPT, IMAGE])]))
hostile("picture-bomb", "pictures that are no pictures, and one of a billion pixels", base="right",
        change=lambda notebook: _train_outputs(notebook, [
            new_output("display_data", {"image/png": data}) for data in
            ("AAAA", _png(60_000, 60_000), _png(1, 1, b"<script>alert(1)</script>"), "A" * 3_000_000)]))


def _png(width, height, text=b""):
    import base64
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"tEXt", b"Comment\0" + text) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000))
        + chunk(b"IEND", b"")).decode()


hostile("error-quotes", "errors and names that are quoted in hints and notes", base="right",
        deserved={"kl_divergence": 0.0, "latent_grid": 0.0}, answers={
            "kl_divergence": f"""
def kl_divergence(mu, logvar):
    raise ValueError("{SCRIPT} {IMAGE} $\\\\href{{javascript:alert(1)}}{{x}}$ [x](javascript:alert(1))")
""", "latent_grid": f"""
def latent_grid(n):
    raise type("{SCRIPT}", (Exception,), {{}})("{IMAGE}")
"""}, first=f"import os  # {SCRIPT}\nif os.path.exists('/nowhere'): pass  # {IMAGE}\nos._exit(0)")
hostile("types-quoted", "names of types and functions are markup", base="right", deserved={"kl_divergence": 0.0}, answers={
    "kl_divergence": f"""
def kl_divergence(mu, logvar):
    return type("{IMAGE}", (), {{}})()
kl_divergence.__name__ = "{SCRIPT}"
"""})


def _metadata_bomb(notebook):
    deep = {}
    for _ in range(400):
        deep = {"a": deep}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": SCRIPT}}, "deep": deep}
    notebook.metadata["title"] = notebook.metadata["authors"] = SCRIPT
    notebook.metadata["kernelspec"] = {"name": "../../bin/sh", "display_name": SCRIPT, "language": SCRIPT}
    notebook.metadata["language_info"] = {"name": SCRIPT, "pygments_lexer": "../../x", "codemirror_mode": SCRIPT}
    for cell in notebook.cells:
        cell.metadata["deep"] = deep
        cell.metadata["tags"] = [SCRIPT, "remove_cell", "x" * 100_000] + list(cell.metadata.get("tags", []))
    return notebook


hostile("metadata-bomb", "deep, huge and lively metadata", base="right", change=_metadata_bomb)
hostile("name-markup", "a student's name that is markup", base="right", student="<img src=x onerror=alert(1)>")
