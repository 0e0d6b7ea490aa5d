#!/usr/bin/env bash
# Read models in PostgreSQL, on a real server that is started for it: the same tests as over a file, those of several
# processes, and a whole deployment on the production broker.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Of the whole workspace, so that nothing is built which the other tests have not built.
tests() { .ci/postgres cargo test --quiet --workspace --exclude sagas "$@"; }

tests --lib home::
tests --test on_a_log
# These wait for leases of the dead most of the time.
tests --test projections crashes -- --test-threads 3
tests --test shared_views -- --test-threads 2 --skip restart
tests --test shared_views restart
.ci/postgres python3 deploy/tests/shared_views.py
