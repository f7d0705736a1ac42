#!/bin/sh
# Print a Python that agentwatch runs on: 3.11 to 3.13 for choice, a later one otherwise. PYTHON=… overrides the search.
set -eu

# Running it is the only proof: a version manager's shim exists for versions that it does not have.
usable() {
    command -v "$1" >/dev/null 2>&1 || return 1
    "$1" -c "import sys, venv, ensurepip; sys.exit(not ($2))" >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" "sys.version_info >= (3, 11)" && echo "$PYTHON" && exit 0
    echo "PYTHON=$PYTHON is not a Python of 3.11 or later with venv" >&2
    exit 2
fi
for wanted in "(3, 11) <= sys.version_info < (3, 14)" "sys.version_info >= (3, 14)"; do
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        usable "$candidate" "$wanted" && echo "$candidate" && exit 0
    done
done
echo "agentwatch needs Python 3.11 or later with the venv module, and found none on PATH." >&2
echo "Debian and Ubuntu: apt install python3 python3-venv. Or name one: PYTHON=/path/to/python3 make …" >&2
exit 2
