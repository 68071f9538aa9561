"""Figures that move: an animation, and a cloud of points that turns with the mouse.

Both are HTML with everything inside, so that they work without a network and without widgets. Where no scripts run
(a preview, a printed page), the cloud is a still picture.
"""

from base64 import b64encode
from io import BytesIO
import json
from uuid import uuid4

from PIL import Image
import numpy as np

from utils import plots


class Moving:
    """HTML for a notebook, with words for where there is none."""

    def __init__(self, html, words):
        self.html, self.words = html, words

    def _repr_html_(self):
        return self.html

    def __repr__(self):
        return self.words


def animation(figures, seconds=0.8):
    """The figures one after the other, without an end, as an animated GIF; the last one stays three times as long."""
    frames = [Image.open(BytesIO(plots.png(figure))).convert("RGB") for figure in figures]
    for figure in figures:
        plots.plt.close(figure)
    width, height = (max(frame.size[i] for frame in frames) for i in (0, 1))
    pages = []
    for frame in frames:
        page = Image.new("RGB", (width, height), "white")
        page.paste(frame)
        pages.append(page.quantize(64))
    buffer = BytesIO()
    milliseconds = [round(1000 * seconds)] * (len(pages) - 1) + [round(3000 * seconds)]
    pages[0].save(buffer, format="gif", save_all=True, append_images=pages[1:], duration=milliseconds, loop=0)
    return Moving(_image("gif", buffer.getvalue(), f"an animation of {len(pages)} pictures"),
                  f"an animation of {len(pages)} pictures")


def cloud(mu, labels, shown=1500):
    """The codes mu (N, 3), coloured by digit: a cloud that turns with the mouse or a finger.

    Of more than `shown` codes a random choice is drawn. Raises ValueError for codes of another shape.
    """
    still = plots.latent_scatter_3d(mu, labels)
    picture = plots.png(still)
    plots.plt.close(still)
    mu, labels = np.asarray(mu.detach().cpu() if hasattr(mu, "detach") else mu), np.asarray(labels)
    mu, labels = mu.astype(float), labels.astype(int)
    names = [[*np.median(mu[labels == digit], axis=0).round(2).tolist(), int(digit)] for digit in np.unique(labels)]
    some = np.random.default_rng(0).permutation(len(mu))[:shown]
    points = [[*code.round(2).tolist(), int(digit)] for code, digit in zip(mu[some], labels[some])]
    limit = max(3.0, float(np.quantile(np.abs(mu), 0.998)))
    name = f"cloud-{uuid4().hex[:12]}"
    data = json.dumps({"points": points, "names": names, "limit": limit, "colours": plots.DIGITS},
                      separators=(",", ":"))
    html = (f'<div id="{name}" style="max-width:560px">{_image("png", picture, "a scatter plot in three dimensions")}'
            f"</div><script>({_TURN.strip()})(document.getElementById({json.dumps(name)}), {data});</script>")
    return Moving(html, f"{len(points)} codes in three dimensions; run this cell in a notebook to turn them")


def _image(kind, data, words):
    return f'<img alt="{words}" style="max-width:100%" src="data:image/{kind};base64,{b64encode(data).decode()}">'


# Replaces the still picture by a canvas; points further away are drawn first, smaller and paler.
_TURN = """
function (box, data) {
  if (!box) return;
  const size = 520, scale = size / 3.4 / data.limit;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  canvas.style.cssText = "width:100%;max-width:520px;cursor:grab;touch-action:none;background:white";
  box.replaceChildren(canvas);
  const pen = canvas.getContext("2d");
  let across = 0.7, down = 0.4, from = null;

  function place(p) {
    const x = p[0] * Math.cos(across) - p[1] * Math.sin(across), y = p[0] * Math.sin(across) + p[1] * Math.cos(across);
    return [size / 2 + scale * x, size / 2 - scale * (p[2] * Math.cos(down) - y * Math.sin(down)),
            y * Math.cos(down) + p[2] * Math.sin(down)];
  }

  function draw() {
    pen.clearRect(0, 0, size, size);
    pen.font = "13px sans-serif";
    pen.textAlign = "center";
    pen.globalAlpha = 1;
    for (let i = 0; i < 3; i++) {
      const end = [0, 0, 0];
      end[i] = data.limit;
      const a = place(end.map(v => -v)), b = place(end);
      pen.strokeStyle = "#bbbbbb";
      pen.beginPath();
      pen.moveTo(a[0], a[1]);
      pen.lineTo(b[0], b[1]);
      pen.stroke();
      pen.fillStyle = "#666666";
      pen.fillText("z" + (i + 1), b[0], b[1]);
    }
    const points = data.points.map(p => [...place(p), p[3]]).sort((p, q) => q[2] - p[2]);
    for (const p of points) {
      const near = Math.min(1, Math.max(0, 0.5 - p[2] / data.limit / 3));
      pen.globalAlpha = 0.25 + 0.65 * near;
      pen.fillStyle = data.colours[p[3] % 10];
      pen.beginPath();
      pen.arc(p[0], p[1], 1.5 + 2 * near, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
    pen.font = "bold 18px sans-serif";
    pen.lineWidth = 4;
    for (const p of data.names) {
      const at = place(p);
      pen.strokeStyle = "white";
      pen.strokeText(p[3], at[0], at[1]);
      pen.fillStyle = data.colours[p[3] % 10];
      pen.fillText(p[3], at[0], at[1]);
    }
    pen.lineWidth = 1;
  }

  canvas.addEventListener("pointerdown", e => { from = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { from = null; });
  canvas.addEventListener("pointermove", e => {
    if (!from) return;
    across += (e.clientX - from[0]) / 120;
    down = Math.max(-1.5, Math.min(1.5, down + (e.clientY - from[1]) / 120));
    from = [e.clientX, e.clientY];
    draw();
  });
  draw();
}
"""
