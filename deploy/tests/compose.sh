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
services = compose["services"]
made = dict(line.strip().split("=", 1) for line in open(sys.argv[1]))
used = set(re.findall(r"\$\{(\w+)", text)) - {"BALANCE"}
assert used == set(made), used ^ set(made)
configuration = open("deploy/nats/nats.conf").read() + open("deploy/nats/accounts.conf").read()
wanted = set(re.findall(r": ?\$(NATS_\w+)|password: \$(NATS_\w+)", configuration))
wanted = {name for pair in wanted for name in pair if name}
for node in ("nats-1", "nats-2", "nats-3"):
    given = set(services[node]["environment"])
    assert given == wanted, (node, given ^ wanted)
secrets = os.path.join(os.path.dirname(sys.argv[1]))
for name, secret in compose["secrets"].items():
    assert os.path.exists(os.path.join(secrets, secret["file"])), name
balanced = set(re.findall(r"\$\{(\w+)\}", open("deploy/haproxy/haproxy.cfg").read()))
assert set(services["haproxy"]["environment"]) == balanced, balanced
folders = {
    volume.split(":")[1]: os.path.join("deploy/compose", volume.split(":")[0])
    for service in services.values() for volume in service.get("volumes", []) if volume.startswith(".")
}
for name, service in services.items():
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and "restart" in service, name
    limits = service["deploy"]["resources"]["limits"]
    assert limits["cpus"] and limits["memory"], name
    # Those of the image of our own ask by themselves: deploy/Dockerfile.
    assert "healthcheck" in service or service["image"] == "jetsource", name
    assert service["image"] == "jetsource" or re.search(r":v?\d+\.\d+", service["image"]), f"{name}: no version"
    assert set(service["networks"]) <= set(compose["networks"]), name
    for needed in service.get("depends_on", []):
        assert needed in services, (name, needed)
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        there = os.path.exists(os.path.join("deploy/compose", source)) if source.startswith(".") else source in compose["volumes"]
        assert there, (name, source)
# What Grafana is told of is where Compose puts it.
for path in yaml.safe_load(open("deploy/grafana/provisioning/dashboards/jetsource.yaml"))["providers"]:
    assert os.path.exists(os.path.join(folders[path["options"]["path"]], "commands-and-log.json")), path
for source in yaml.safe_load(open("deploy/grafana/provisioning/datasources/prometheus.yaml"))["datasources"]:
    assert re.match(r"http://(.*):\d+", source["url"]).group(1) in services, source
collector = yaml.safe_load(open("deploy/otel/collector.yaml"))
for pipeline in collector["service"]["pipelines"].values():
    for kind, names in pipeline.items():
        assert set(names) == set(collector[kind]), (kind, names)
port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
endpoint = f"http://otel-collector:{port}"
for name, service in services.items():
    environment = service.get("environment", {})
    assert environment.get("JETSOURCE_OTLP_ENDPOINT", endpoint) == endpoint, name
print(f"compose: {len(services)} services, every variable and path is there")
PYTHON
