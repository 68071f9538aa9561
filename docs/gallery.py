"""`make gallery`: the pictures of the README, as the solution notebooks and the demo draw them.

    MNIST_ROOT=FOLDER python docs/gallery.py [NAME ...]

Pictures from notebooks need minutes, those of pages need a browser (Debian's chromium and chromium-driver) and the demo
class in `demo/`.
"""

import argparse
import io
import shutil
import sys
from base64 import b64decode
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WIDTH = 900         # pixels
DRAWN = {           # picture -> the notebook, and what only the cell that draws it says
    "manifold": ("task1_vae", "plots.manifold("),
    "styles": ("task2_cvae", "style_grid(cvae5"),
    "triptych": ("task2_cvae", "plots.triptych("),
}
PAGES = {           # picture -> the page, and how many of its pixels from the top
    "feedback": ("demo/feedback/ben/task1_vae/task1_vae.html", 900),
    "report": ("demo/reports/task1_vae.html", 1100),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of the README.")
    parser.add_argument("name", nargs="*", help=f"only these of {', '.join([*DRAWN, *PAGES])}")
    names = parser.parse_args().name or [*DRAWN, *PAGES]
    unknown = set(names) - DRAWN.keys() - PAGES.keys()
    if unknown:
        parser.error(f"there is no picture {sorted(unknown)[0]!r}; there are {', '.join([*DRAWN, *PAGES])}")
    for task in sorted({DRAWN[name][0] for name in names if name in DRAWN}):
        notebook = nbformat.read(ROOT / "solutions" / task / f"{task}.ipynb", as_version=4)
        print(f"running {task} ...", file=sys.stderr, flush=True)
        NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
        for name in names:
            if DRAWN.get(name, [None])[0] == task:
                save(name, drawn(notebook, DRAWN[name][1]))
    pages = [name for name in names if name in PAGES]
    if pages:
        photograph(pages)


def drawn(notebook, words: str) -> bytes:
    """The last picture of the cell that holds `words`."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and words in cell.source)
    return b64decode([output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})][-1])


def photograph(names: list[str]) -> None:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"):
        options.add_argument(argument)
    with webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))) as browser:
        for name in names:
            place, height = PAGES[name]
            if not (ROOT / place).is_file():
                raise SystemExit(f"{place} is missing: run `make demo` first")
            browser.set_window_size(1000, height)
            browser.get((ROOT / place).as_uri())
            save(name, browser.get_screenshot_as_png())


def save(name: str, png: bytes) -> None:
    """A small file: 900 pixels wide at most, 256 colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((WIDTH, 10 * WIDTH))
    image.quantize(256, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)
    print(HERE / f"{name}.png", f"{(HERE / f'{name}.png').stat().st_size / 1000:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
