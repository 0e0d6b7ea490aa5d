#!/usr/bin/env bash
# deploy/systemd: sound by `systemd-analyze verify`, hardened by `systemd-analyze security`. No systemd runs them here.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# The programs that the units name, in a root of their own: `verify` looks whether they are there.
mkdir -p "$root"/{usr/bin,etc/systemd/system,usr/lib/systemd/system,etc/jetsource}
ln -s usr/bin "$root/bin"
for program in jetsource nats-server flock kill; do
    printf '#!/bin/sh\n' >"$root/usr/bin/$program"
    chmod +x "$root/usr/bin/$program"
done
cp deploy/systemd/* "$root/etc/systemd/system/"
for target in multi-user timers basic sysinit shutdown network-online time-sync time-set; do
    printf '[Unit]\nDescription=%s\n' "$target" >"$root/usr/lib/systemd/system/$target.target"
done
printf '[Unit]\nDescription=root\n[Slice]\n' >"$root/usr/lib/systemd/system/-.slice"
said=$(systemd-analyze verify --root="$root" --man=no \
    jetsource@api.service jetsource-nats.service jetsource-backup.service jetsource-backup.timer 2>&1) || true
# What it says of the empty root is not about our files.
ours=$(grep -E 'jetsource' <<<"$said" || true)
[ -z "$ours" ] || { echo "$ours" >&2; exit 1; }
echo "systemd-analyze verify: nothing to say"

# 0 is the most that can be had, 10 is a service with all rights.
for unit in jetsource@.service jetsource-nats.service jetsource-backup.service; do
    systemd-analyze security --offline=yes --threshold=20 --no-pager "deploy/systemd/$unit" | tail -1
done
