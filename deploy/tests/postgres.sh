#!/usr/bin/env bash
# Read models in PostgreSQL, on a real server that is started for it: the same tests as over a file, and those of several
# processes.
set -euo pipefail
cd "$(dirname "$0")/../.."

.ci/postgres cargo test --quiet --package projections
.ci/postgres cargo test --quiet --package jetsource --test projections crashes
.ci/postgres cargo test --quiet --package jetsource --test shared_views -- --test-threads 2 --skip restart
.ci/postgres cargo test --quiet --package jetsource --test shared_views restart
