"""The repository's rules as tests: sizes, layers, lazy imports, documented errors, live links."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conftest import ROOT, RunPython
from tests.patience import within

PACKAGE = ROOT / "videosketcher_app"
CODE_FOLDERS = ("videosketcher_app", "tests", "scripts", "benchmarks")
HARD_LIMIT_LINES = 450
P90_LIMIT_LINES = 300
HELP_LIMIT_S = 1.0

# Imports every module of the named packages while torch and friends cannot be found.
WITHOUT_TORCH = """
import importlib, pkgutil, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "diffsynth", "gradio", "transformers"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocker())
count = 0
for package in sys.argv[1:]:
    root = importlib.import_module(f"videosketcher_app.{package}")
    for module in pkgutil.walk_packages(root.__path__, root.__name__ + "."):
        importlib.import_module(module.name)
        count += 1
print(count)
"""


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def markdown_files() -> list[Path]:
    folders = [ROOT / "docs", ROOT / "checkpoints" / "pocket"]
    nested = [path for folder in folders if folder.is_dir() for path in folder.rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *nested])


def test_files_stay_small_enough_to_read_in_one_sitting(
    record_property: Callable[[str, object], None],
) -> None:
    sizes = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files("videosketcher_app")
    }
    assert len(sizes) >= 30, "the walk found too few files"
    ordered = sorted(sizes.values())
    p90 = statistics.quantiles(ordered, n=10)[-1]
    lines = [f"{n:5} {path}" for path, n in sorted(sizes.items(), key=lambda item: -item[1])[:10]]
    lines.insert(0, f"{len(sizes)} files, median {statistics.median(ordered)}, p90 {p90}")
    record_property("sizes", lines)
    sys.stdout.write("\n".join(lines) + "\n")
    over = {path.as_posix(): n for path, n in sizes.items() if n > HARD_LIMIT_LINES}
    assert not over
    assert p90 <= P90_LIMIT_LINES


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert not [p for p in python_files(*CODE_FOLDERS) if p.stem in drawers]


def test_imports_point_downward() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_has_its_layer() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = set(re.findall(r"videosketcher_app\.(\w+)", text))
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert packages <= named
    assert len(packages) >= 9


def test_every_open_point_has_an_issue() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files("videosketcher_app", "scripts", "benchmarks")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, "write TODO(#123) with the issue's number"


@pytest.mark.parametrize("package", ["core", "storage", "services", "cli"])
def test_a_laptop_without_torch_imports(package: str, run_python: RunPython) -> None:
    done = run_python(WITHOUT_TORCH, package)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2


def test_help_answers_at_once_and_without_torch(run_python: RunPython) -> None:
    """Measured in processor time of the whole process, which other tests do not lengthen."""
    code = WITHOUT_TORCH.split("count = 0")[0] + (
        "import time\n"
        "from videosketcher_app.cli.main import app\n"
        "try: app(sys.argv[1:], prog_name='videosketcher')\n"
        "finally: sys.stderr.write(str(time.process_time()))\n"
    )
    seconds = []
    for _ in range(3):
        done = run_python(code, "--help")
        assert done.returncode == 0, done.stderr
        assert "sketch" in done.stdout
        seconds.append(float(done.stderr))
    assert within(min(seconds), HELP_LIMIT_S)


def test_no_work_at_import(run_python: RunPython) -> None:
    """Importing starts no thread and configures no logging."""
    done = run_python(
        "import logging, threading\n"
        "import videosketcher_app.services.jobs, videosketcher_app.storage.media\n"
        "import videosketcher_app.storage.tensors, videosketcher_app.core.settings\n"
        "print(threading.active_count(), len(logging.getLogger().handlers))"
    )
    assert done.stdout.split() == ["1", "0"], done.stderr


def error_classes() -> list[type]:
    from videosketcher_app.core.errors import AppError

    for path in python_files("videosketcher_app"):
        source = path.read_text(encoding="utf-8")
        if path.name != "__init__.py" and re.search(r'^    code = "[A-Z_]+"$', source, re.M):
            relative = path.relative_to(ROOT).with_suffix("")
            import_module(".".join(relative.parts))
    found = [AppError]
    for error in found:
        found.extend(error.__subclasses__())
    return [error for error in found if error.__module__.startswith("videosketcher_app.")]


def test_every_error_code_is_documented_with_its_exit_code() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    documented = {m[1]: int(m[2]) for m in re.finditer(r"^\| `(\w+)` \| (\d+) \|", text, re.M)}
    raised = {error.code: error.exit_code for error in error_classes()}
    assert len(raised) >= 12
    assert documented == raised


def headings_of(path: Path) -> set[str]:
    titles = re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", markdown_files(), ids=lambda path: path.name)
def test_links_in_documents_resolve(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target) if target else path
        assert file.exists(), f"{path.name}: {link}"
        if anchor and file.suffix == ".md":
            assert anchor in headings_of(file), f"{path.name}: {link}"


def called_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.row("T7", "the one place that reads pickles")
@pytest.mark.security
def test_dangerous_readers_are_called_in_one_place_or_nowhere() -> None:
    banned = {"eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "os.system", "torch.load"}
    calls = {
        path.relative_to(PACKAGE).as_posix(): called_names(path) & banned
        for path in python_files("videosketcher_app")
    }
    assert {path: names for path, names in calls.items() if names} == {
        "storage/tensors.py": {"torch.load"}
    }


@pytest.mark.security
@pytest.mark.parametrize(
    ("distribution", "floor"),
    # torch: below 2.10 weights_only could be bypassed; gradio: below 6.22 its file routes leaked.
    [("torch", (2, 10)), ("gradio", (6, 22))],
)
def test_installed_versions_are_above_their_security_floors(
    distribution: str, floor: tuple[int, int]
) -> None:
    installed = tuple(int(part) for part in version(distribution).split(".")[:2])
    assert installed >= floor
