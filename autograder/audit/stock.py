"""The same submissions through stock nbgrader: an ordinary course, whose test cells assert in the student's process.

Stock nbgrader runs student code with all the rights of the grader, so each submission gets a throw-away machine: the
project's own sandbox around the whole course. In it `nbgrader autograde` grades the submission, then another one.
"""

import dataclasses
import functools
import io
import json
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from autograder import guard, sandbox
from autograder.audit import course as courses
from autograder.audit.corpus import POINTS, Attack
from autograder.audit.course import TASK, Course

SECONDS = 90            # for each submission; then the throw-away machine is ended
PORT = 47_113           # in a network of its own
TESTS = {
    "setup": "import torch\nimport torch.nn.functional as F\nfrom torch import nn\ncheck = print",
    "reparameterize": """
torch.manual_seed(1)
mu, logvar = torch.tensor([[2.0, -1.0]]).repeat(20_000, 1), torch.tensor([[0.5, -1.5]]).repeat(20_000, 1)
z = reparameterize(mu, logvar)
assert z.shape == mu.shape
assert torch.allclose(z.mean(0), mu[0], atol=0.05)
assert torch.allclose(z.var(0), logvar[0].exp(), rtol=0.1)
assert not torch.equal(z, reparameterize(mu, logvar))""",
    "kl_divergence": """
mu, logvar = torch.tensor([[2.0, 0.5], [-1.0, 0.3]]), torch.tensor([[0.0, -0.7], [1.1, 0.2]])
expected = torch.tensor([2.2233, 1.0078])  # made by the reference
found = kl_divergence(mu, logvar)
assert found.shape == (2,)
assert torch.allclose(found.float(), expected, atol=1e-3)""",
    "latent_grid": """
for n in (3, 5):
    grid = latent_grid(n)
    assert grid.shape == (n * n, 2)
    p = torch.special.ndtr(grid.double())
    assert len(torch.unique((p[:, 0] * 1e4).round())) == n
    assert torch.isfinite(grid).all() and abs(p.mean() - 0.5) < 1e-3
    steps = p[:, 0].unique().diff()
    assert torch.allclose(steps[steps > 1e-5], steps.max(), rtol=1e-2)""",
}
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.source_directory, c.CourseDirectory.release_directory = "solutions", "assignments"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
"""

# Runs in the throw-away machine.
MACHINE = r"""
import glob, json, os, re, signal, socket, sqlite3, subprocess, sys, threading, time, zipfile
task, canaries, port = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
os.makedirs("home"), os.chdir("/scratch")
open("home/.netrc", "w").write(canaries["home"])
zipfile.ZipFile("/run/course.zip").extractall("course")
os.chdir("course")
heard = []
def listen():
    server = socket.create_server(("127.0.0.1", port))
    while True:
        one, _ = server.accept()
        heard.append(one.recv(1000))
threading.Thread(target=listen, daemon=True).start()
def files():
    return {path: (os.lstat(path).st_size, os.lstat(path).st_mtime_ns) for path in glob.glob("**", recursive=True,
            include_hidden=True) + glob.glob("../home/.netrc") if os.path.isfile(path)}
before = files()
started = time.time()
env = {**os.environ, "HOME": "/scratch/home", "AUDIT_CANARY": canaries["environment"], "PYTHONPATH": ""}
harm = []
try:
    done = subprocess.run([sys.executable, "-m", "nbgrader", "autograde", task], env=env, capture_output=True, text=True,
                          errors="replace", timeout=float(sys.argv[4]))
    if done.returncode < 0:
        harm.append(f"ended the grader (signal {-done.returncode})")
except subprocess.TimeoutExpired:
    harm.append("grading did not end")
def scores(student):
    try:
        base = sqlite3.connect("file:gradebook.db?mode=ro", uri=True)
        rows = base.execute(
            "select c.name, coalesce(g.manual_score, g.auto_score) from grade g join submitted_notebook n on "
            "g.notebook_id = n.id join submitted_assignment s on n.assignment_id = s.id join base_cell c on g.cell_id = c.id "
            "where s.student_id = ?", (student,)).fetchall()
        return dict(rows)
    except sqlite3.Error as error:
        harm.append(f"gradebook: {error}")
        return {}
other = scores("zz-last")
if sum(v or 0 for v in other.values()) != 8:
    harm.append("the next submission was not graded" if not other else f"the next submission has {other}")
for path, state in files().items():
    if path in before and before[path] != state and not path.startswith(("gradebook.db", "autograded/")):
        harm.append(path + " was changed")
harm += [path + " was removed" for path in before if not os.path.exists(path) and not path.startswith("gradebook.db")]
for place in ("/tmp", "/scratch", "/scratch/home", "/scratch/course", "/dev/shm"):
    harm += [path + " was made" for path in glob.glob(place + "/**/*pwned*", recursive=True)[:2]]
startup = glob.glob("/scratch/home/.ipython/**/startup/0*.py", recursive=True) + glob.glob("/scratch/home/.jupyter/*config.py")
harm += [path + " was made" for path in startup]
time.sleep(0.3)
mine = {os.getpid(), 1}
left = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in mine]
harm += [f"{len(left)} processes are left"] if left else []
text = ""
for path in glob.glob("autograded/*/*/*.ipynb"):
    if "zz-last" not in path:
        text += open(path, errors="replace").read()
leaks = [name + " canary" for name, canary in canaries.items() if canary in text]
leaks += ["reached a server outside"] if any(b"pwned" in data for data in heard) else []
if re.search(r"<script>alert|onerror=alert|application/javascript|javascript:alert", text):
    harm.append("alive in the feedback page")
print("\nRESULT " + json.dumps({"earned": scores("attacker"), "harm": [h[:120] for h in harm[:6]], "leaks": leaks,
                                "seconds": time.time() - started}))
"""


def audit(attacks: list[Attack], jobs: int = 2) -> list:
    """What stock nbgrader makes of them."""
    canaries = {name: text for name, text in courses.new_canaries().items() if name not in ("reference", "definition")}
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        course = stock_course(Path(folder) / "course", canaries)
        with ThreadPoolExecutor(jobs) as pool:
            return [*pool.map(lambda attack: _grade(course, attack), attacks)]


def stock_course(root: Path, canaries: dict[str, str]) -> Course:
    """The course as an ordinary instructor makes it: the same stubs, and test cells that assert."""
    course = Course(root, root.parent / "home", PORT, canaries)
    (root / "solutions" / TASK).mkdir(parents=True)
    course.home.mkdir()
    (root / "nbgrader_config.py").write_text(CONFIG)
    (root / ".secret").write_text(canaries["secret"])
    solution, course.right = courses.small_task(canaries["solution"])
    for cell in solution.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = TESTS.get(name, "" if "train" in cell.metadata.get("tags", []) else cell.source).strip()
    nbformat.write(solution, root / "solutions" / TASK / f"{TASK}.ipynb")
    courses.nbgrader(course, "generate_assignment", TASK).check_returncode()
    courses.nbgrader(course, "db", "student", "add", "zz-last", "--last-name", canaries["gradebook"]).check_returncode()
    course.released = nbformat.read(root / "assignments" / TASK / f"{TASK}.ipynb", as_version=4)
    other = courses.worked(course, "right")
    other.cells.append(nbformat.v4.new_code_cell(f"# {canaries['submission']}"))
    place = root / "submitted" / "zz-last" / TASK
    place.mkdir(parents=True)
    nbformat.write(other, place / f"{TASK}.ipynb")
    # In the machine the course lies elsewhere.
    return dataclasses.replace(course, root=Path("/scratch/course"), home=Path("/scratch/home"), inside=root)


def _grade(course: Course, attack: Attack):
    from autograder.audit.attacks import Finding

    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed, "w") as archive:
        place = Path(folder)
        data = courses.submission(course, attack)
        (attack.files or (lambda place, data: (place / f"{TASK}.ipynb").write_bytes(data)))(place, data)
        for root, prefix in ((course.inside, ""), (place, f"submitted/attacker/{TASK}/")):
            for path in root.rglob("*"):
                if path.is_file():
                    archive.write(path, prefix + str(path.relative_to(root)))
    limits = sandbox.Limits(seconds=SECONDS + 20, memory=4 * 2**30, processes=400, scratch=2**30, tmp=2**29, files=100_000,
                            cpu_seconds=300, open_files=2048, file_size=2**29)
    start = functools.partial(
        sandbox.launch, [sys.executable, "/run/machine.py", TASK, json.dumps(course.canaries), str(PORT), str(SECONDS)],
        limits, content={"/run/machine.py": MACHINE.encode(), "/run/course.zip": packed.getvalue()})
    machine = guard.Guard(start, limits)
    machine.start()
    machine.started.result()
    machine.join()
    finding = Finding(attack, dict.fromkeys(POINTS, 0.0))
    lines = [line for line in machine.log.decode(errors="replace").splitlines() if line.startswith("RESULT ")]
    if lines:
        found = json.loads(lines[-1].removeprefix("RESULT "))
        finding.earned = {name: found["earned"].get(name) for name in POINTS}
        finding.leaks, finding.harm, finding.seconds = found["leaks"], found["harm"], found["seconds"]
    else:
        finding.harm = [f"ended everything ({machine.reason or machine.process.returncode})"]
    return finding
