@echo off
rem Makes .venv if needed, installs what changed, and passes its arguments on.
rem
rem   run_windows.bat                       opens the app
rem   run_windows.bat sketch "a cat"        any command of `python -m videosketcher_app`
rem   run_windows.bat test [PYTEST ARGS]    lint, import rules and the tests that anyone should run
rem   run_windows.bat test --all            the browser, fault, security and soak suites too
rem
rem VIDEOSKETCHER_PYTHON       Python to build .venv from (3.10 to 3.13); its torch is kept if it works
rem VIDEOSKETCHER_TORCH_INDEX  another wheel index for torch, for instance the CPU-only one
setlocal enableextensions
set "root=%~dp0"
set "venv=%root%.venv\Scripts"
set "PYTHONUTF8=1"
if defined PYTHONPATH (set "PYTHONPATH=%root%;%PYTHONPATH%") else (set "PYTHONPATH=%root%")

set "python="
call :try "%venv%\python.exe"
if defined VIDEOSKETCHER_PYTHON call :try "%VIDEOSKETCHER_PYTHON%"
call :try py -3
call :try python
if not defined python (
    echo Python 3.10 to 3.13 is needed: install it or set VIDEOSKETCHER_PYTHON. 1>&2
    exit /b 1
)

if "%~1"=="test" goto test
%python% "%root%scripts\prepare_environment.py" || exit /b 1
if "%~1"=="" (
    "%venv%\python.exe" -m videosketcher_app app
) else (
    "%venv%\python.exe" -m videosketcher_app %*
)
exit /b %errorlevel%

:test
%python% "%root%scripts\prepare_environment.py" --dev || exit /b 1
cd /d "%root%"
rem Hundreds of processes import the package: they share what one of them has compiled.
set "PYTHONDONTWRITEBYTECODE="
"%venv%\python.exe" -m ruff check . || exit /b 1
"%venv%\python.exe" -m ruff format --check . || exit /b 1
"%venv%\python.exe" -c "from importlinter.cli import lint_imports_command as main; main()" || exit /b 1
set "rest="
set "given="
shift
:collect
if "%~1"=="" goto collected
if "%~1"=="--all" (set "all=1") else (set "rest=%rest% %1" & set "given=1")
shift
goto collect
:collected
if not defined given set "rest=-n 3 --dist worksteal"
if defined all (
    "%venv%\python.exe" -m pytest -m "not gpu and not weights" --ledger outputs/reliability.jsonl --reruns 2 --reruns-delay 5 --rerun-show-tracebacks -r fER %rest%
) else (
    "%venv%\python.exe" -m pytest %rest%
)
exit /b %errorlevel%

:try
if defined python exit /b 0
%* -c "import sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))" >nul 2>&1 && set "python=%*"
exit /b 0
