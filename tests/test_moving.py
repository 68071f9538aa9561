"""Figures that move: an animation is a GIF, a cloud turns where scripts run and is a still picture elsewhere."""

from base64 import b64decode
from io import BytesIO
import json
import re
import shutil
import subprocess

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
from PIL import Image
import numpy as np
import pytest
import torch

from utils import moving, plots

MU = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(300) % 10


def picture(html, kind):
    return Image.open(BytesIO(b64decode(re.search(rf"data:image/{kind};base64,([^\"]+)", html)[1])))


def script(html):
    return re.search(r"<script>(.*)</script>", html, re.S)[1]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    assert not plt.get_fignums()    # what is shown as HTML must not appear once more below its cell
    plt.close("all")


def test_an_animation_shows_each_figure_and_begins_again():
    figures = [plots.lines({"a": ([0, 1], [0, value])}, "x", "y") for value in (1, 2, 3)]
    shown = picture(moving.animation(figures, seconds=0.5)._repr_html_(), "gif")
    assert shown.n_frames == 3 and shown.info["loop"] == 0
    frames, durations = [], []
    for i in range(3):
        shown.seek(i)
        frames.append(np.asarray(shown.convert("L")).copy())
        durations.append(shown.info["duration"])
    assert durations == [500, 500, 1500]
    assert (frames[0] != frames[1]).any() and (frames[1] != frames[2]).any()


def test_a_cloud_has_a_still_picture_and_needs_nothing_from_elsewhere():
    html = moving.cloud(MU, LABELS)._repr_html_()
    assert picture(html.partition("<script>")[0], "png").width > 300
    assert not re.search(r"https?:|src=(?!\"data:)|import|require", html)


def test_a_cloud_holds_at_most_so_many_codes_and_each_digit_s_name():
    html = moving.cloud(MU, LABELS, shown=100)._repr_html_()
    data = json.loads(re.search(r"\), (\{.*\})\);$", script(html), re.S)[1])
    assert len(data["points"]) == 100 and [name[3] for name in data["names"]] == list(range(10))
    assert data["names"][4][0] == pytest.approx(MU[LABELS == 4].median(0).values[0].item(), abs=0.2)


def test_codes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        moving.cloud(MU[:, :2], LABELS)


def test_without_a_notebook_there_are_words():
    assert "300 codes" in repr(moving.cloud(MU, LABELS))


DOCUMENT = """
const drawn = [], listeners = {};
const pen = new Proxy({}, {get: (t, name) => name === "arc" ? (x, y) => drawn.push([x, y]) : () => {}, set: () => true});
const canvas = {style: {}, getContext: () => pen, setPointerCapture: () => {},
                addEventListener: (name, f) => { listeners[name] = f; }};
let children = ["still"];
const box = {replaceChildren: c => { children = [c]; }};
const document = {createElement: () => canvas, getElementById: () => box};
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_cloud_turns_with_the_pointer_and_stays_when_it_is_let_go():
    html = moving.cloud(MU, LABELS)._repr_html_()
    code = DOCUMENT + script(html) + """
const first = drawn.splice(0);
listeners.pointermove({clientX: 50, clientY: 0});
const untouched = drawn.splice(0);
listeners.pointerdown({clientX: 0, clientY: 0, pointerId: 1});
listeners.pointermove({clientX: 60, clientY: 10});
const turned = drawn.splice(0);
listeners.pointerup({});
listeners.pointermove({clientX: 90, clientY: 0});
const moved = first.filter((p, i) => Math.hypot(p[0] - turned[i][0], p[1] - turned[i][1]) > 1).length;
console.log(JSON.stringify([children[0] === canvas, first.length, untouched.length, turned.length, moved, drawn.length]));
"""
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, timeout=120)
    replaced, first, untouched, turned, moved, after = json.loads(done.stdout)
    assert replaced and (first, untouched, turned, after) == (300, 0, 300, 0) and moved > 200
