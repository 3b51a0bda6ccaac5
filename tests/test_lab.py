"""lab.py: any Python that is at hand reads it, and what has been set up is not set up twice."""

import ast
import importlib.util
import os
import subprocess
import sys

import pytest
from helpers import ROOT

SOURCE = (ROOT / "lab.py").read_text()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The script as a module, in a folder of its own, with the commands that it gives caught."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "lab.py").write_text(SOURCE)
    monkeypatch.delenv("DDSP_LAB_VENV", raising=False)
    spec = importlib.util.spec_from_file_location("lab", tmp_path / "lab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.commands, module.handed_over = [], []

    def run(command, **_):
        module.commands.append([str(word) for word in command])
        module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        module.PYTHON.touch()

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(os, "execv", lambda program, arguments: module.handed_over.append((program, arguments)))
    return module


def test_a_python_of_2019_reads_it():
    tree = ast.parse(SOURCE, feature_version=(3, 8))
    # types such as list[str] are no objects there: they must not be evaluated
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)


def test_it_imports_nothing_but_the_standard_library():
    names = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module.partition(".")[0])
    assert "subprocess" in names
    assert names <= sys.stdlib_module_names


def test_an_old_python_is_told_what_is_needed(lab, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with pytest.raises(SystemExit) as caught:
        lab.main(["demo"])
    assert "3.11" in str(caught.value.code)
    assert lab.commands == lab.handed_over == []


def test_it_hands_over_to_the_program(lab):
    lab.main(["fit", "a.wav", "b.wav"])
    assert lab.handed_over == [(lab.PYTHON, [str(lab.PYTHON), "-m", "ddsp_lab", "fit", "a.wav", "b.wav"])]
    venv, pip = lab.commands
    assert venv == [sys.executable, "-m", "venv", "--without-pip", str(lab.VENV)]
    assert pip[pip.index("--python") + 1] == str(lab.PYTHON)
    assert pip[-2:] == ["--editable", str(lab.HERE)]


def test_it_hands_over_to_the_tests_with_their_extras(lab, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    lab.main(["test", "-k", "gain"])
    assert lab.handed_over == [(lab.PYTHON, [str(lab.PYTHON), "-m", "pytest", "-k", "gain"])]
    assert lab.commands[1][-1] == f"{lab.HERE}[test]"
    assert os.getcwd() == str(tmp_path)


@pytest.mark.parametrize(("said", "told"), [([], ["build", "--strict"]), (["serve"], ["serve"])])
def test_it_builds_the_documentation(lab, said, told, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    lab.main(["docs", *said])
    assert lab.handed_over == [(lab.PYTHON, [str(lab.PYTHON), "-m", "mkdocs", *told])]
    assert lab.commands[1][-1] == f"{lab.HERE}[docs]"


def test_the_test_extras_are_not_installed_before_they_are_needed(lab):
    lab.main(["demo"])
    assert not any("[test]" in word for command in lab.commands for word in command)
    lab.main(["test"])
    assert len(lab.commands) == 4


def test_what_is_set_up_is_not_set_up_twice(lab):
    for _ in range(3):
        lab.main(["demo"])
    assert len(lab.commands) == 2


@pytest.mark.parametrize("change", ["pyproject", "python", "place", "venv"])
def test_what_has_changed_is_set_up_again(lab, monkeypatch, change):
    lab.main(["demo"])
    if change == "pyproject":
        (lab.HERE / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    elif change == "python":
        monkeypatch.setattr(sys, "version", "3.99")
    elif change == "place":  # another clone, by DDSP_LAB_VENV, or the same one moved
        (lab.HERE / "moved").mkdir()
        (lab.HERE / "moved" / "pyproject.toml").write_text("[project]\n")
        monkeypatch.setattr(lab, "HERE", lab.HERE / "moved")
    else:
        lab.PYTHON.unlink()
    lab.main(["demo"])
    assert len(lab.commands) == 4


@pytest.mark.parametrize("step", [0, 1])
def test_a_set_up_that_fails_is_tried_again(lab, monkeypatch, step):
    good = subprocess.run

    def bad(command, **keywords):
        good(command, **keywords)
        if len(lab.commands) == step + 1:
            raise subprocess.CalledProcessError(3, command)

    monkeypatch.setattr(subprocess, "run", bad)
    with pytest.raises(SystemExit) as caught:
        lab.main(["demo"])
    assert "exit code 3" in str(caught.value.code)
    assert lab.handed_over == []
    lab.main(["demo"])
    assert len(lab.handed_over) == 1
    assert len(lab.commands) == step + 3


def test_another_place_for_the_environment_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("DDSP_LAB_VENV", str(tmp_path / "env"))
    spec = importlib.util.spec_from_file_location("lab", ROOT / "lab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    places = {"VENV": tmp_path / "env", "PYTHON": tmp_path / "env" / "bin" / "python"}
    assert {name: getattr(module, name) for name in places} == places
