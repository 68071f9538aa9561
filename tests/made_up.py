"""A made-up class for feedback pages and reports: records on disk and a gradebook, without any grading."""

import base64
import datetime
import functools
import io
import json
import random

import nbformat
import nbgrader.api
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Comment, Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from PIL import Image

# asks alembic in a process of its own, for every new gradebook
nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)

TASK = "task1_vae"
CRITERIA = {"reparameterize": {"interface": 0.5, "distribution": 1.5, "noise": 0.5, "gradient": 0.5},
            "kl_divergence": {"interface": 0.5, "value": 2.0, "gradient": 0.5},
            "reconstruction_loss": {"interface": 0.5, "value": 1.0, "gradient": 0.5},
            "vae_loss": {"interface": 0.5, "value": 1.5}, "vae": {"interface": 1.0, "model": 3.0},
            "generate": {"interface": 0.5, "images": 1.5}, "interpolate": {"interface": 0.5, "line": 1.5},
            "latent_grid": {"interface": 0.5, "quantiles": 1.5}, "train_vae": {"elbo": 2.0}}
WRITTEN = {"why_not_ae": 3.0, "beta_effect": 3.0}
HINTS = {
    "reparameterize": {
        "variance_for_std": "exp(logvar) is the variance; the noise must be scaled by its square root.",
        "no_noise": "There is no noise: z = mu makes this a plain autoencoder."},
    "kl_divergence": {"mean_latents": "The mean over the latents is taken: independent costs add up, so sum."},
    "latent_grid": {"ends": "The quantiles 0 and 1 are included: the Gaussian has no end there."}}
CODE = '''# Question: {0}
def {0}(mu, logvar):
    """What it does, in words."""
    std = torch.exp(0.5 * logvar)   # half of it
    return mu + std * torch.randn_like(mu)
'''
NAMES = {**{name: sum(parts.values()) for name, parts in CRITERIA.items()}, **WRITTEN}


def picture(width=320, height=200, kind="PNG", seed=0) -> str:
    """A picture as base64."""
    file = io.BytesIO()
    colours = random.Random(seed)
    Image.linear_gradient("L").resize((width, height)).convert("RGB").point(
        [colours.randrange(256) for _ in range(768)]).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def question(name: str, state: str, misconception: str | None = None, hint: str | None = None) -> dict:
    """One question of a record: right, or without its last criterion, or nothing."""
    criteria = [{"name": key, "title": f"about the {key}", "points": value, "earned": value}
                for key, value in CRITERIA[name].items()]
    if state != "right":
        for one in criteria[1 if state == "wrong" else 0:]:
            one["earned"] = 0.0
    known = HINTS.get(name, {}).get(misconception, "Look at the second criterion.")
    hints = {"right": "", "wrong": known, "not attempted": f"Not attempted yet: {name}.",
             "error": "Your code raised ValueError in line 3 (`x.view(3)`): shape is invalid.",
             "out of time": "Your code took longer than 60 s.", "no answers": "The kernel died."}
    return {"state": state, "points": sum(c["earned"] for c in criteria), "max_points": NAMES[name],
            "hint": hints[state] if hint is None else hint, "misconception": misconception, "extra": False,
            "checked": "values and gradients" if state == "right" else "", "criteria": criteria}


def record(student: str = "ada", states: dict | None = None, **changes) -> dict:
    """A record as the judge keeps it; states: question -> arguments of `question`, right where nothing is said."""
    questions = {name: question(name, *(states or {}).get(name, ("right",))) for name in CRITERIA}
    return {"task": TASK, "student": student, "notes": [], "failed": [], "seeds_id": "0", "repairs": [],
            "seconds": {"start": 1.0, "cells": 2.0, "checks": 1.0, "judging": 0.5, "total": 5.0},
            "questions": questions, **changes}


def notebook(codes: dict | None = None, answers: dict | None = None, figures: dict | None = None):
    """An autograded notebook; figures: question -> the data of outputs of the cell that explores behind it."""
    def mark(grade_id, **given):
        return {"nbgrader": {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3,
                             "grade_id": grade_id, **given}}

    def explored(name):
        return new_code_cell("plots.show()", metadata={"tags": ["explore"]}, outputs=[
            new_output("display_data", data=data) for data in (figures or {}).get(name, [])])

    cells = [new_markdown_cell("# Task 1: the variational autoencoder\n\nWelcome."), explored("")]
    for name in CRITERIA:
        if name != "train_vae":
            cells.append(new_code_cell((codes or {}).get(name, CODE.format(name)),
                                       metadata=mark(f"{name}_solution", solution=True)))
        cells.append(new_code_cell(f'check("{name}", {name})', metadata=mark(name, grade=True, locked=True, points=2),
                                   outputs=[new_output("display_data", data={"text/html": "OUTPUT-OF-A-CHECK"})]))
        cells.append(explored(name))
    for name in WRITTEN:
        cells.append(new_markdown_cell(f"### `{name}` (3 points)\n\nExplain with $\\beta = 1$.",
                                       metadata=mark(f"{name}_question", locked=True)))
        answer = (answers or {}).get(name, f"**Your answer** ({name}):\n\nBecause $D_{{KL}}$ *grows*.")
        cells.append(new_markdown_cell(answer, metadata=mark(name, grade=True, solution=True, points=3)))
    return new_notebook(cells=cells)


def gradebook(course, records: dict[str, dict], due=None) -> str:
    """A gradebook with the points of these records; written answers wait. Returns its address."""
    address = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(address) as book:
        book.add_assignment(TASK, duedate=due)
        book.add_notebook(TASK, TASK)
        for name, points in NAMES.items():
            kind = "markdown" if name in WRITTEN else "code"
            book.add_grade_cell(name, TASK, TASK, max_score=points, cell_type=kind)
            if name != "train_vae":
                book.add_solution_cell(name if name in WRITTEN else f"{name}_solution", TASK, TASK)
        release = book.find_notebook(TASK, TASK)
        cells = {cell.name: cell for cell in release.grade_cells}
        solutions = [cell.id for cell in release.solution_cells]
        for student, kept in records.items():
            book.db.add(Student(id=student))
            submission = SubmittedAssignment(assignment_id=release.assignment_id, student_id=student,
                                             timestamp=datetime.datetime(2025, 3, 4, 10, 30))
            book.db.add(submission)
            book.db.flush()
            submitted = SubmittedNotebook(notebook_id=release.id, assignment_id=submission.id)
            book.db.add(submitted)
            book.db.flush()
            for name, cell in cells.items():
                earned = kept["questions"].get(name, {}).get("points")
                book.db.add(Grade(cell_id=cell.id, notebook_id=submitted.id, auto_score=earned,
                                  needs_manual_grade=earned is None))
            book.db.add_all(Comment(cell_id=cell, notebook_id=submitted.id) for cell in solutions)
        book.db.commit()
    return address


def put(course, kept: dict, autograded=None) -> None:
    """Write a record, and with it an autograded notebook."""
    place = course / "autograded" / kept["student"] / TASK
    place.mkdir(parents=True)
    (course / "nbgrader_config.py").touch()
    (place / f"{TASK}.verdicts.json").write_text(json.dumps(kept, indent=1))
    if autograded is not None:
        nbformat.write(autograded, place / f"{TASK}.ipynb")
