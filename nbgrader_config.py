# The course. nbgrader's own commands read this file: generate_assignment, autograde,
# generate_feedback, export. So do formgrader (`jupyter lab`, menu Nbgrader > Formgrader) and `python -m autograder`.

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "vae"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"

# What students get.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
c.ClearSolutions.text_stub = "Write your answer here."

# Grading: see autograder/plugins.py.
c.Autograde.exporter_class = "autograder.plugins.Submission"
c.Autograde.post_convert_hook = "autograder.plugins.finish"
c.Autograde.sanitize_preprocessors = ["autograder.plugins.Rebuild"]
c.Autograde.autograde_preprocessors = [
    "autograder.plugins.Judge",
    "autograder.plugins.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
]

# Feedback: see autograder/feedback.py. Verdict records stay with the autograded notebooks.
c.GenerateFeedback.exporter_class = "autograder.feedback.FeedbackPage"
c.GenerateFeedback.preprocessors = []
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.verdicts.json"]

# Limits for one notebook. Times are wall time; sizes in bytes.
c.Judge.cell_seconds = 60
c.Judge.notebook_seconds = 600
c.SandboxProvisioner.limits = {"memory": 3 * 2**30, "seconds": 900}

# Without bubblewrap (macOS, Windows) grade only if this is True: student code then has all your rights.
c.Judge.allow_unsandboxed = False

# `nbgrader validate` runs the training cells too.
c.Execute.timeout = 900
