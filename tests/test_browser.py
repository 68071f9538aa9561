"""What people see: the notebooks in JupyterLab, formgrader and a feedback page, in a real browser without a screen.

Screenshots are left in build/screenshots.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import small_course
import small_task
from autograder import sandbox
from autograder.questions import TASKS

pytest.importorskip("selenium", reason="needs Selenium: pip install selenium")
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PROGRAMS = [shutil.which(name) for name in ("chromium", "chromedriver")]
pytestmark = [pytest.mark.browser,
              pytest.mark.skipif(None in PROGRAMS, reason="needs a browser: apt install chromium chromium-driver")]
ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "build" / "screenshots"
QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars")
PATIENCE = 600      # seconds for a notebook
SMALL = "task1_vae"

RUN_ALL = """
window.ended = null;
window.jupyterapp.commands.execute("notebook:run-all-cells").then(
    () => window.ended = "well", error => window.ended = String(error));
"""
CELLS = """
return window.jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type == "code").map(cell => {
  const outputs = cell.model.outputs.toJSON();
  return {source: cell.model.sharedModel.source, count: cell.model.executionCount,
          kinds: outputs.flatMap(one => [one.output_type, ...Object.keys(one.data || {})]),
          text: outputs.map(one => one.evalue || one.text || (one.data || {})["text/plain"] || "").join("\\n")};
});
"""
READY = """
const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
return Boolean(panel && panel.sessionContext && panel.sessionContext.session && panel.sessionContext.session.kernel
               && panel.sessionContext.session.kernel.status == "idle" && panel.content.widgets.length > 5);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = PROGRAMS[0]
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('browser')}", "--window-size=1300,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(PROGRAMS[1]))
    SHOTS.mkdir(parents=True, exist_ok=True)
    yield driver
    driver.quit()


@contextlib.contextmanager
def server(folder: Path, *arguments):
    """JupyterLab in `folder`; its address, and its token as a query."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # all cells are in the page, not only those in view; nothing asks about news
    for extension, setting in (("notebook-extension/tracker", '{"windowingMode": "none"}'),
                               ("apputils-extension/notification", '{"fetchNews": "false"}')):
        path = folder / ".settings" / "@jupyterlab" / f"{extension}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(setting)
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"), "VAE_DATA": "digits",
                   "PYTHONPATH": str(ROOT), "HOME": str(folder), "OMP_NUM_THREADS": "1", "MPLBACKEND": ""}
    log = open(folder / "server.log", "wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--IdentityProvider.token=made-up",
         "--LabApp.expose_app_in_browser=True", "--LabApp.check_for_updates_class="
         "jupyterlab.NeverCheckForUpdate", *(["--allow-root"] if os.getuid() == 0 else []), *arguments],
        cwd=folder, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{address}/api?token=made-up"), PATIENCE)
        yield address, "token=made-up"
    finally:
        process.terminate()
        process.wait()
        log.close()


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def until(happens, seconds: float):
    """What `happens()` gives as soon as it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = happens()
        if found:
            return found
        time.sleep(0.3)
    pytest.fail(f"nothing happened in {seconds} s: {happens}")


def shoot(browser, name: str) -> None:
    browser.save_screenshot(str(SHOTS / f"{name}.png"))


def shoot_all(browser, name: str) -> None:
    """The whole notebook, page by page."""
    panel = browser.find_element(By.CSS_SELECTOR, ".jp-WindowedPanel-outer")
    height, page = browser.execute_script("return [arguments[0].scrollHeight, arguments[0].clientHeight]", panel)
    for number, top in enumerate(range(0, height, page)):
        browser.execute_script("arguments[0].scrollTop = arguments[1]", panel, top)
        time.sleep(0.3)
        shoot(browser, f"{name}-{number:02}")


def worked_through(browser, address: str, token: str, task: str) -> list[dict]:
    """Open a notebook, run all of its cells, and return what they show."""
    browser.get(f"{address}/lab/tree/{task}.ipynb?{token}&reset")
    until(lambda: browser.execute_script(READY), PATIENCE)
    browser.execute_script(RUN_ALL)     # and ask: a call that lasts would be over after the driver's two minutes
    assert until(lambda: browser.execute_script("return window.ended"), PATIENCE) == "well"
    return browser.execute_script(CELLS)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for task in TASKS:
        shutil.copy(ROOT / "solutions" / task / f"{task}.ipynb", folder)
        shutil.copy(ROOT / "assignments" / task / f"{task}.ipynb", folder / f"untouched_{task}.ipynb")
    with server(folder) as found:
        yield found


def pictures(browser) -> list[str]:
    """The pictures of all explorers."""
    return [image.get_attribute("src") for image in browser.find_elements(By.CSS_SELECTOR, "img.widget-image")]


def drawn(browser, canvas) -> str:
    return browser.execute_script("return arguments[0].toDataURL()", canvas)


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_runs_from_top_to_bottom_and_its_explorers_follow(browser, lab, task):
    cells = worked_through(browser, *lab, task)
    wrong = [(cell["source"][:80], cell["text"]) for cell in cells if "error" in cell["kinds"]]
    assert not wrong
    assert all(cell["count"] for cell in cells if cell["source"].strip())
    for cell in cells:
        if cell["source"].startswith("check("):
            assert "right" in cell["text"], cell["text"]
        if "plots." in cell["source"] or "explore." in cell["source"]:
            assert {"image/png", "text/html"} & {*cell["kinds"]}, cell["source"]
    shoot_all(browser, task)

    handles = browser.find_elements(By.CSS_SELECTOR, ".widget-slider .noUi-handle")
    assert handles and pictures(browser)
    for number in (0, len(handles) - 1):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", handles[number])
        before = pictures(browser)
        for _ in range(12):
            handles[number].send_keys(Keys.ARROW_RIGHT)
        until(lambda: pictures(browser) != before, 120)
        shoot(browser, f"{task}-slider-{number}")

    clouds = browser.find_elements(By.CSS_SELECTOR, "[id^=cloud-] canvas")
    assert bool(clouds) == (task == "task3_experiments")
    for canvas in clouds:
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        before = drawn(browser, canvas)
        ActionChains(browser).move_to_element(canvas).click_and_hold().move_by_offset(60, 30).release().perform()
        turned = drawn(browser, canvas)
        assert turned != before
        ActionChains(browser).move_by_offset(40, 40).perform()      # the button is up
        assert drawn(browser, canvas) == turned
        shoot(browser, f"{task}-cloud")


@pytest.mark.parametrize("task", TASKS)
def test_an_untouched_notebook_says_what_is_missing_and_shows_no_error(browser, lab, task):
    cells = worked_through(browser, *lab, f"untouched_{task}")
    assert not [cell for cell in cells if "error" in cell["kinds"]]
    checks = [cell for cell in cells if cell["source"].startswith("check(")]
    assert checks and all("ot attempted" in cell["text"] for cell in checks)
    shoot_all(browser, f"untouched-{task}")


@pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))
def test_a_written_answer_is_graded_by_hand_and_its_page_is_readable(browser, tmp_path):
    course = small_course.make(tmp_path / "course", {
        "ada": small_task.notebook(), "ben": small_task.notebook({"kl_divergence": small_task.NO_HALF})})
    command(course, "autograde")
    extension = "{'nbgrader.server_extensions.formgrader': True}"
    with server(course, f"--ServerApp.jpserver_extensions={extension}") as (address, token):
        browser.get(f"{address}/tree?{token}")       # which lets the browser in
        browser.get(f"{address}/formgrader/gradebook/{SMALL}/{SMALL}")
        link = until(lambda: browser.find_elements(By.CSS_SELECTOR, "td.name a"), 120)[0]
        shoot(browser, "formgrader")
        link.click()
        boxes = until(lambda: browser.find_elements(By.CSS_SELECTOR, "input.score"), 120)
        time.sleep(1)       # until the page has put the points in
        box = boxes[-1]
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
        box.clear()
        box.send_keys("2.5", Keys.TAB)
        shoot(browser, "formgrader-answer")
        until(lambda: 2.5 in [score[1] for answers in small_course.scores(course).values()
                              for name, score in answers.items() if name == "why_not_ae"], 120)
    command(course, "generate_feedback")
    browser.get_log("browser")      # what formgrader said
    browser.get((course / "feedback" / "ben" / SMALL / f"{SMALL}.html").as_uri())
    text = browser.find_element(By.TAG_NAME, "body").text
    shoot(browser, "feedback")
    assert "kl_divergence" in text and "0.5" in text
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def command(course: Path, name: str) -> None:
    """One of nbgrader's commands for the small task."""
    done = subprocess.run([sys.executable, "-m", "nbgrader", name, SMALL], cwd=course, text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
