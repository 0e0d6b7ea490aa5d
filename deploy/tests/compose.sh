#!/usr/bin/env bash
# deploy/compose: the file by the schema of the compose specification, every variable and path in it, and the certificates
# that secrets.sh makes by openssl. No container engine runs it here.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=target/deploy-tools
python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$tools" check-jsonschema==0.39.0 pyyaml
PYTHONPATH=$tools python3 -m check_jsonschema --builtin-schema vendor.compose-spec deploy/compose/compose.yaml

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
deploy/compose/secrets.sh "$scratch"
! deploy/compose/secrets.sh "$scratch" 2>/dev/null || { echo "secrets were made over others" >&2; exit 1; }
openssl verify -CAfile "$scratch/secrets/ca.pem" -verify_hostname nats-2 "$scratch/secrets/cert.pem"
PYTHONPATH=$tools python3 - "$scratch/.env" <<'PYTHON'
import os, re, sys, yaml
text = open("deploy/compose/compose.yaml").read()
compose = yaml.safe_load(text)
made = dict(line.strip().split("=", 1) for line in open(sys.argv[1]))
used = set(re.findall(r"\$\{(NATS_\w+)", text))
assert used == set(made), used ^ set(made)
configuration = open("deploy/nats/nats.conf").read() + open("deploy/nats/accounts.conf").read()
wanted = set(re.findall(r": ?\$(NATS_\w+)|password: \$(NATS_\w+)", configuration))
wanted = {name for pair in wanted for name in pair if name}
for node in ("nats-1", "nats-2", "nats-3"):
    given = set(compose["services"][node]["environment"])
    assert given == wanted, (node, given ^ wanted)
secrets = os.path.join(os.path.dirname(sys.argv[1]))
for name, secret in compose["secrets"].items():
    assert os.path.exists(os.path.join(secrets, secret["file"])), name
balanced = set(re.findall(r"\$\{(\w+)\}", open("deploy/haproxy/haproxy.cfg").read()))
assert set(compose["services"]["haproxy"]["environment"]) == balanced, balanced
for name, service in compose["services"].items():
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and "restart" in service, name
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        there = os.path.exists(os.path.join("deploy/compose", source)) if source.startswith(".") else source in compose["volumes"]
        assert there, (name, source)
print(f"compose: {len(compose['services'])} services, every variable and path is there")
PYTHON
