"""What else can be uploaded beside, around or instead of a notebook.

`files` fills a folder: the student's in an upload, or `submitted/STUDENT/TASK` itself where an instructor put it.
"""

import gzip
import io
import json
import os
import zipfile

from autograder.audit.corpus import hostile, odd
from autograder.audit.course import TASK

NAME = f"{TASK}.ipynb"
EVIL = "raise SystemExit('pwned')\n"


def _beside(**texts):
    """The notebook, and more files: path with `/` as `__` -> text."""
    def files(folder, data):
        (folder / NAME).write_bytes(data)
        for path, text in texts.items():
            path = folder / path.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return files


def _zip(*entries, notebook=True):
    """A zip of the notebook and of (name or ZipInfo, data) entries."""
    def files(folder, data):
        with zipfile.ZipFile(folder / "upload.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            if notebook:
                archive.writestr(NAME, data)
            for name, content in entries:
                archive.writestr(name, content)
    return files


def _link(name, mode=0o120777):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def both(name, idea, files, **more):
    """Once in what a platform hands out, and once put into submitted/ by hand."""
    more = {"base": "right", "alone": True, **more}
    hostile(name, idea, files=files, **more)
    hostile(f"{name}-by-hand", f"{idea}, put into submitted/ by hand", files=files, place="submitted", **more)


CODE = {"torch.py": EVIL, "sitecustomize.py": EVIL, "utils____init__.py": EVIL, "IPython.py": EVIL, "nbgrader.py": EVIL,
        "nbgrader_config.py": EVIL, "conftest.py": EVIL, "jupyter_config.py": EVIL, ".env": "X=1", "x.pth": "import os"}
OTHERS = {"timestamp.txt": "2001-01-01 00:00:00 UTC\n", ".ipynb_checkpoints__task1_vae-checkpoint.ipynb": "{}",
          "__MACOSX__._task1_vae.ipynb": "\0\5\26\7", ".DS_Store": "x", "$(touch pwned).txt": "x", "; rm -rf *.txt": "x",
          "<script>.txt": "x", "a\nb.txt": "x", "-rf": "x", "é" * 80: "x"}


def _links(folder, data):
    (folder / NAME).write_bytes(data)
    for number, target in enumerate(("../../../gradebook.db", "/etc/passwd", "..", "/", "../../../.secret",
                                     "/dev/zero", "nowhere", NAME)):
        os.symlink(target, folder / f"link{number}.ipynb")
    os.symlink("/", folder / "folder")
    os.mkfifo(folder / "Copy of task1_vae.ipynb")
    os.mkfifo(folder / "x.zip")
    (folder / "x.ipynb").mkdir()


both("torch-py", "torch.py, sitecustomize.py and utils/__init__.py beside the notebook", _beside(**CODE), alone=False)
both("other-files", "a timestamp of last year, checkpoints, names that are commands", _beside(**OTHERS))
both("links", "symbolic links, pipes and folders with a notebook's name", _links)
both("notebook-is-link", "the notebook is a link to another one's",
     lambda folder, data: os.symlink("../../00-first/task1_vae/task1_vae.ipynb", folder / NAME), base="wrong")

hostile("zip-paths", "a zip whose entries leave it, links, devices, setuid files, encrypted and too large ones", base="right",
        alone=True, files=_zip(
    ("../../../submitted/00-first/task1_vae/task1_vae.ipynb", "{}"), ("/tmp/pwned-zip-traversal", "x"),
    ("..\\..\\pwned-zip-traversal", "x"), ("C:\\pwned-zip-traversal", "x"),
    (_link("a.ipynb"), "../../gradebook.db"), (_link("folder"), "/"), (_link("zero.ipynb", 0o020666), ""),
    (_link("tool", 0o104777), "#!/bin/sh"), ("bomb.ipynb", b"\0" * 2**28)))
hostile("zip-in-zip", "archives inside archives", base="right", alone=True, files=lambda folder, data: _zip(
    ("inner.zip", _zipped(data)), ("inner/inner.zip", _zipped(_zipped(data))))(folder, data))
hostile("zip-broken", "zips that end too early, lie about sizes, or are encrypted", alone=True, base="right",
        files=lambda folder, data: ((folder / NAME).write_bytes(data),
                                    (folder / "cut.zip").write_bytes(_zipped(data)[:200]),
                                    (folder / "lies.zip").write_bytes(_lying(data)),
                                    (folder / "secret.zip").write_bytes(_encrypted(data))))


def _zipped(data, name=NAME):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name if data[:2] != b"PK" else "deeper.zip", data)
    return buffer.getvalue()


def _lying(data):
    """Both sizes of its one entry say ten bytes."""
    packed = bytearray(_zipped(data))
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = packed.index(signature) + offset
        packed[at:at + 4] = (10).to_bytes(4, "little")
    return bytes(packed)


def _encrypted(data):
    packed = bytearray(_zipped(data))
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        packed[packed.index(signature) + offset] |= 1
    return bytes(packed)


# Bytes that are no notebook, or a strange one

def _bytes(name, idea, make, kind=hostile, **more):
    kind(name, idea, change=make, **more)


_bytes("deep-json", "a hundred thousand levels of lists", lambda notebook: b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
_bytes("many-cells", "a hundred thousand cells behind the answers", lambda notebook: _with_cells(
    notebook, [{"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}] * 100_000), base="right")
_bytes("long-line", "a source of ten million characters", lambda notebook: _with_cells(
    notebook, [{"cell_type": "code", "source": "x = " + "(" * 10**7, "metadata": {}, "outputs": []}]), base="right")
_bytes("slow-to-parse", "sources that take long to parse", lambda notebook: _with_cells(
    notebook, [{"cell_type": "code", "source": "(" * n + "1" + ")" * n, "metadata": {}} for n in (90, 199, 5000, 40_000)]
    + [{"cell_type": "code", "source": "-" * 90_000 + "1", "metadata": {}},
       {"cell_type": "code", "source": "x" + "=1;x" * 20_000, "metadata": {}}]), base="right",
    deserved={})
_bytes("strange-json", "duplicate keys, NaN, huge numbers, lone surrogates", lambda notebook: json.dumps(notebook).replace(
    '"nbformat":', '"cells": 7, "nbformat": NaN, "x": 1e99999, "y": ' + "9" * 100_000 + ', "z": "\\ud800", "nbformat":'
).encode(), base="right")
_bytes("wrong-types", "fields of other types than they should be", lambda notebook: json.dumps(_retyped(notebook)).encode(),
       base="right")
_bytes("other-grade-ids", "grade ids that are paths, lists and ids of other questions", lambda notebook: _other_ids(notebook),
       base="right")


def _with_cells(notebook, cells):
    notebook = json.loads(json.dumps(notebook))
    notebook["cells"] += cells
    return json.dumps(notebook).encode()


def _retyped(notebook):
    notebook = json.loads(json.dumps(notebook))
    notebook["metadata"], notebook["nbformat"], notebook["nbformat_minor"] = [], "four", None
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = ["x", 7, None, "same", "same", "a b", "x" * 10_000][number % 7]
        cell["execution_count"] = "many"
        cell["outputs"] = [{}, 7, {"output_type": []}, {"output_type": "stream", "text": {"a": 1}}, None]
        cell["source"] = [cell["source"], 7, None] if number % 2 else cell["source"]
    notebook["cells"] += [7, None, [], "cell", {"cell_type": ["code"], "source": {"a": 1}, "metadata": "x"}]
    return notebook


def _other_ids(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata:
            cell.metadata["nbgrader"] = {"grade_id": "../../../.secret", "grade": True, "points": 10**9, "schema_version": 3,
                                         "solution": True, "locked": False, "task": False}
    return notebook


# Honest files

odd("nothing", "no notebook at all, only a text file", base="released", alone=True,
    files=lambda folder, data: (folder / "notes.txt").write_text("I was ill."))
odd("empty-file", "a file of no bytes", base="released", change=lambda notebook: b"")
odd("cut-off", "a file that ends in the middle", change=lambda notebook: json.dumps(notebook).encode().partition(
    b"# Question: latent_grid")[0], deserved={"latent_grid": 0.0})
odd("not-json", "a text file with a notebook's name", base="released", change=lambda notebook: b"my answer is 42")


def _named(name):
    return lambda folder, data: (folder / name).write_bytes(data)


odd("copy-of", "Copy of task1_vae.ipynb", files=_named("Copy of task1_vae.ipynb"), alone=True)
odd("numbered", "task1_vae (1).ipynb", files=_named("task1_vae (1).ipynb"), alone=True)
odd("gzip", "a notebook that a program has packed, under its own name", change=lambda notebook: gzip.compress(
    json.dumps(notebook).encode()))
odd("zipped", "the notebook in a zip, in a folder", alone=True,
    files=lambda folder, data: (folder / "hand-in.zip").write_bytes(_zipped(data, "my course/task 1/vae.ipynb")))


def _two(folder, data):
    (folder / NAME).write_bytes(b"{}")
    os.utime(folder / NAME, (1_600_000_000, 1_600_000_000))
    (folder / "task1_vae (2).ipynb").write_bytes(data)


odd("two-uploads", "an older empty upload beside the newer one", files=_two, alone=True)
odd("by-hand-renamed", "a renamed file that an instructor put into submitted/", files=_named("Copy of task1_vae (3).ipynb"),
    place="submitted", alone=True)
odd("name-umlauts", "Zoë Ångström-O'Brien, 李雷", student="Zoë Ångström-O'Brien, 李雷")
odd("name-spaces", "a name of words, dots and brackets", student="Anna  Maria (exchange) v. d. Berg.")
