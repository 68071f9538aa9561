"""pyproject.toml, utils/pyproject.toml, constraints.txt and environment.yml say the same."""

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
ON_CONDA = {"torch": "pytorch", "psycopg2_binary": "psycopg2"}     # where conda-forge has another name


def read(path):
    return tomllib.loads((ROOT / path).read_text("utf-8"))


def bounds(lines):
    """Requirement lines as {name: {bound, ...}}; comments and environment markers do not count."""
    found = {}
    for line in lines:
        line = line.partition("#")[0].partition(";")[0].strip()
        if line:
            name, rest = re.fullmatch(r"([\w.-]+)\s*(.*)", line).groups()
            found[name.lower().replace("-", "_")] = {bound.strip() for bound in rest.split(",") if bound.strip()}
    return found


@pytest.fixture(scope="module")
def project():
    return read("pyproject.toml")["project"]


@pytest.fixture(scope="module")
def needed(project):
    """All that any part of the course needs, with lower bounds from pyproject.toml and upper ones from constraints."""
    lower = bounds([*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)])
    upper = bounds((ROOT / "constraints.txt").read_text("utf-8").splitlines())
    assert lower.keys() == upper.keys()
    return {name: lower[name] | upper[name] for name in lower}


@pytest.fixture(scope="module")
def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]


def test_conda_gets_the_same_packages_and_bounds(needed, conda):
    found = bounds([line for line in conda if isinstance(line, str)])
    assert found.pop("pip") == set()
    found.pop("python")
    assert found == {ON_CONDA.get(name, name): both for name, both in needed.items()}


def test_conda_installs_the_course_with_every_extra(project, conda):
    (pip,) = [line["pip"] for line in conda if isinstance(line, dict)]
    assert pip == [f"-e .[{','.join(sorted(project['optional-dependencies']))}]"]


def test_python_versions_agree(project, conda):
    python = next(line for line in conda if isinstance(line, str) and line.startswith("python>"))
    assert bounds([python])["python"] == set(project["requires-python"].split(","))
    assert read("utils/pyproject.toml")["project"]["requires-python"] == project["requires-python"]


def test_students_need_what_utils_needs_and_no_more(project):
    utils = read("utils/pyproject.toml")
    assert utils["project"]["dependencies"] == project["dependencies"]
    listed = read("pyproject.toml")["tool"]["setuptools"]["package-data"]
    assert utils["tool"]["setuptools"]["package-data"].items() <= listed.items()


def test_every_data_file_travels_with_its_package():
    listed = read("pyproject.toml")["tool"]["setuptools"]["package-data"]
    travelling = {path for package, places in listed.items() for place in places
                  for path in (ROOT / package.replace(".", "/")).glob(place)}
    data = {path for folder in ("utils", "autograder") for path in (ROOT / folder).rglob("*.*")
            if path.suffix in (".safetensors", ".html", ".css", ".csv", ".json", ".js")}
    assert data and data <= travelling


def test_every_package_of_utils_is_installed_for_students():
    packages = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in ROOT.glob("utils/**/*.py")
                if "build" not in path.parts}
    assert set(read("utils/pyproject.toml")["tool"]["setuptools"]["packages"]) == packages


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_torch_is_a_range_and_never_one_build(needed, name):
    assert sorted(bound[0] for bound in needed[name]) == ["<", ">"]
    assert not any("==" in bound or "+" in bound for bound in needed[name])


def test_nothing_names_a_host(needed):
    for path in ("pyproject.toml", "utils/pyproject.toml", "constraints.txt", "environment.yml", "Makefile"):
        assert not re.search(r"--(extra-)?index-url|--find-links|https?://", (ROOT / path).read_text("utf-8"), re.I), path


def test_installed_versions_keep_the_bounds(needed):
    from packaging.requirements import Requirement

    for name, both in needed.items():
        requirement = Requirement(name + ",".join(both))
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue    # tomli is not needed on this Python
        assert version in requirement.specifier, f"{name} {version} is outside {requirement.specifier}"
