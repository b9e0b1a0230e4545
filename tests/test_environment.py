"""The run scripts install what pyproject.toml says and keep a torch that works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


def script(name: str) -> ModuleType:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


prepare = script("prepare_environment")


def test_requirements_are_generated_from_pyproject() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name, text in script("generate_requirements").generated(pyproject).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, (
            "run python scripts/generate_requirements.py"
        )


def test_every_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()[1:]
        assert len(lines) > 5
        assert all("==" in line.split(";")[0] for line in lines)


def test_torch_is_left_out_and_nothing_else() -> None:
    text = "# note\ntorch==2.15.0; python_version >= '3.11'\ntorchvision==1\ntorch-x==1\nnumpy==2\n"
    assert prepare.without_torch(text) == ["torch-x==1", "numpy==2"]
    assert prepare.name_of("pydantic_settings[toml]>=2") == "pydantic-settings"


@pytest.mark.parametrize(
    ("version", "usable"),
    [
        ("2.15.0", True),
        ("2.10.0+cpu", True),
        ("2.13.0a0+rocm6.4", True),
        ("2.9.1", False),
        ("2.16.0", False),
        ("1.13", False),
        ("unknown", False),
    ],
)
def test_a_torch_is_kept_only_in_the_tested_range(version: str, usable: bool) -> None:
    assert prepare.is_usable_torch(version) is usable


def test_the_pinned_torch_is_in_the_tested_range() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split(";")[0].split("==")[1] for line in lines if line.startswith("torch==")]
    assert len(pins) == 2
    assert all(prepare.is_usable_torch(pin) for pin in pins)


def test_a_changed_requirement_or_variable_changes_the_stamp() -> None:
    stamps = {
        prepare.stamp_of(["a==1"], {}),
        prepare.stamp_of(["a==2"], {}),
        prepare.stamp_of(["a==1", "b==1"], {}),
        prepare.stamp_of(["a==1"], {"VIDEOSKETCHER_TORCH_INDEX": "x"}),
        prepare.stamp_of(["a==1"], {"VIDEOSKETCHER_PYTHON": "x"}),
    }
    assert len(stamps) == 5
    assert prepare.stamp_of(["a==1"], {"OTHER": "x"}) in stamps


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the run script needs, whose requirements are empty."""
    root = tmp_path / "a folder with spaces"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "run_linux.sh", root)
    shutil.copy(ROOT / "scripts" / "prepare_environment.py", root / "scripts")
    (root / "videosketcher_app").mkdir()
    (root / "videosketcher_app" / "__init__.py").write_text("")
    (root / "videosketcher_app" / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (root / name).write_text("")
    return root


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the script is for Linux and macOS")
def test_the_run_script_makes_an_environment_once_and_passes_arguments(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEOSKETCHER_PYTHON", sys.executable)
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(checkout / "run_linux.sh"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=280)

    first = run("sketch", "a cat", "--seed", "7")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "['sketch', 'a cat', '--seed', '7']\n"
    assert "download" in first.stderr
    assert "Keeping torch" in first.stderr
    second = run()
    assert (second.stdout, second.stderr) == ("['app']\n", "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("name", ["run_linux.sh", ".ci/run"])
def test_shell_scripts_parse_and_may_be_run(name: str) -> None:
    path = ROOT / name
    assert subprocess.run(["bash", "-n", str(path)], timeout=30).returncode == 0
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").splitlines()[0] == "#!/usr/bin/env bash"


def test_the_windows_script_is_a_twin() -> None:
    data = (ROOT / "run_windows.bat").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n")
    windows, linux = data.decode(), (ROOT / "run_linux.sh").read_text(encoding="utf-8")
    shared = (
        "VIDEOSKETCHER_PYTHON",
        "VIDEOSKETCHER_TORCH_INDEX",
        "prepare_environment.py",
        "--dev",
        "-m videosketcher_app",
        "format --check .",
        "lint_imports_command",
        "not gpu and not weights",
        "-n 3 --dist worksteal",
    )
    assert not [words for words in shared if words not in windows or words not in linux]
    labels = set(re_labels(windows))
    assert {line.split()[1].lstrip(":") for line in goto_lines(windows)} <= labels


def re_labels(text: str) -> list[str]:
    return [line[1:].strip() for line in text.splitlines() if line.startswith(":")]


def goto_lines(text: str) -> list[str]:
    import re

    return re.findall(r"(?:goto|call) :?\w+", text)
