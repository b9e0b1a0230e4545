#!/usr/bin/env bash
# Makes .venv if needed, installs what changed, and passes its arguments on.
#
#   ./run_linux.sh                        opens the app
#   ./run_linux.sh sketch "a cat"         any command of `python -m videosketcher_app`
#   ./run_linux.sh test [PYTEST ARGS]     lint, import rules and the tests that anyone should run
#   ./run_linux.sh test --all             the browser, fault, security and soak suites too
#
# VIDEOSKETCHER_PYTHON       Python to build .venv from (3.10 to 3.13); its torch is kept if it works
# VIDEOSKETCHER_TORCH_INDEX  another wheel index for torch, for instance the CPU-only or ROCm one
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

find_python() {
    local candidate
    for candidate in "$root/.venv/bin/python" "${VIDEOSKETCHER_PYTHON:-}" python3 \
        python3.13 python3.12 python3.11 python3.10; do
        if [[ -n $candidate ]] && "$candidate" -c \
            'import sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    echo "Python 3.10 to 3.13 with venv is needed: install it or set VIDEOSKETCHER_PYTHON." >&2
    exit 1
}

run_tests() {
    local selection=()
    if [[ ${1:-} == --all ]]; then
        shift
        selection=(
            -m "not gpu and not weights" --ledger outputs/reliability.jsonl
            --reruns 2 --reruns-delay 5 --rerun-show-tracebacks -r fER --durations=80
        )
    fi
    cd "$root"
    # Hundreds of processes import the package: they share what one of them has compiled.
    unset PYTHONDONTWRITEBYTECODE
    "$venv/python" -m ruff check .
    "$venv/python" -m ruff format --check .
    "$venv/python" -c "from importlinter.cli import lint_imports_command as main; main()"
    if [[ $# -eq 0 ]]; then
        set -- -n 3 --dist worksteal
    fi
    exec "$venv/python" -m pytest ${selection[@]+"${selection[@]}"} "$@"
}

python=$(find_python)
venv=$root/.venv/bin
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"

if [[ ${1:-} == test ]]; then
    shift
    "$python" "$root/scripts/prepare_environment.py" --dev
    run_tests "$@"
fi
"$python" "$root/scripts/prepare_environment.py"
if [[ $# -eq 0 ]]; then
    set -- app
fi
exec "$venv/python" -m videosketcher_app "$@"
