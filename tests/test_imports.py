import subprocess
import sys

import pytest

HEAVY = {"matplotlib", "torchvision", "sklearn", "ipywidgets", "tqdm", "IPython", "PIL", "scipy", "pandas"}


def loaded_after(code):
    """The top-level modules that a fresh interpreter holds after running `code`, beyond those of torch
    itself.
    """
    script = "import sys, torch\nbefore = {*sys.modules}\n" + code + (
        "\nprint('MODULES', *{name.split('.')[0] for name in {*sys.modules} - before})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.partition("MODULES")[2].split())


@pytest.mark.parametrize("code", [
    "import utils",
    "from utils import needs, pick_device; pick_device()",
    "from utils import fit, load_mnist, load_images, load_digits, distance_to_prior, upsample",
    "from utils import check",
    "from utils import submit",
])
def test_nothing_heavy_is_loaded_before_it_is_used(code):
    assert not loaded_after(code) & HEAVY


def test_plots_and_explorers_wait_until_they_are_used():
    """A notebook's first cell imports these names; a graded kernel never uses them."""
    assert not loaded_after("from utils import plots, explore, moving, results") & HEAVY
    assert "matplotlib" in loaded_after("from utils import plots; plots.image_grid")


def test_every_public_name_can_be_had():
    import utils

    for name in utils.__all__:
        assert getattr(utils, name) is not None
        assert name in dir(utils)
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        utils.chekc


@pytest.mark.parametrize("first", ["import utils.submit", "import utils.check", "from utils.check import wire"])
def test_a_module_does_not_hide_the_function_of_its_name(first):
    loaded_after(f"{first}\nfrom utils import check, submit\nimport types\n"
                 "assert callable(submit) and callable(check)\n"
                 "assert types.ModuleType not in (type(submit), type(check))")


def test_training_questions_and_digits_do_without_scikit_learn():
    assert "sklearn" not in loaded_after("from autograder.questions.training import digits; digits()")


def test_our_programs_leave_out_what_takes_a_second_to_import():
    assert "lark" not in loaded_after("import autograder.__main__, nbformat")
