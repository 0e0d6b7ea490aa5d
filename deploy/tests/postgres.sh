#!/usr/bin/env bash
# Read models in PostgreSQL, on a real server that is started for it: the same tests as over a file, those of several
# processes, and a whole deployment on the production broker.
set -euo pipefail
cd "$(dirname "$0")/../.."

.ci/postgres cargo test --quiet --package projections
.ci/postgres cargo test --quiet --package jetsource --test projections crashes
.ci/postgres cargo test --quiet --package jetsource --test shared_views -- --test-threads 2 --skip restart
.ci/postgres cargo test --quiet --package jetsource --test shared_views restart
.ci/postgres python3 deploy/tests/shared_views.py
