#!/usr/bin/env bash
# deploy/kubernetes: each object by the schema of its kind, and what refers to what. Where there is a kubectl, both overlays
# are put together by it as well. No cluster runs them here.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=target/deploy-tools/kubernetes
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target "$tools" kubernetes-validate==1.37.0
for overlay in dev prod; do
    if command -v kubectl >/dev/null; then
        kubectl kustomize "deploy/kubernetes/$overlay" >"target/kubernetes-$overlay.yaml"
        PYTHONPATH=$tools "$tools/bin/kubernetes-validate" --strict "target/kubernetes-$overlay.yaml" >target/kubernetes.said 2>&1 || { cat target/kubernetes.said >&2; exit 1; }
    else
        echo "NOT DONE: there is no kubectl to put deploy/kubernetes/$overlay together"
    fi
done
for file in deploy/kubernetes/base/*.yaml; do
    case $file in */kustomization.yaml) ;; *) PYTHONPATH=$tools "$tools/bin/kubernetes-validate" --strict "$file" >target/kubernetes.said 2>&1 || { cat target/kubernetes.said >&2; exit 1; } ;; esac
done
PYTHONPATH=$tools python3 - <<'PYTHON'
import glob, os, re, yaml
objects = []
for path in sorted(glob.glob("deploy/kubernetes/base/*.yaml")):
    if path.endswith("kustomization.yaml"):
        listed = yaml.safe_load(open(path))["resources"]
        there = [os.path.basename(name) for name in glob.glob("deploy/kubernetes/base/*.yaml") if name != path]
        assert sorted(there) == sorted(name for name in listed if "/" not in name), listed
        continue
    objects += yaml.safe_load_all(open(path))
workloads = {one["metadata"]["name"]: one for one in objects if one["kind"] in ("StatefulSet", "Deployment", "Job")}
for name, workload in workloads.items():
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"], name
    volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    for container in pod["containers"]:
        where = f"{name}/{container['name']}"
        assert container["securityContext"]["readOnlyRootFilesystem"], where
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, where
        assert container["resources"]["requests"] and container["resources"]["limits"]["memory"], where
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes, where
        if workload["kind"] != "Job":
            assert "livenessProbe" in container, where
given = {one["name"] for one in workloads["nats"]["spec"]["template"]["spec"]["containers"][0]["env"]}
text = open("deploy/nats/nats.conf").read() + open("deploy/nats/accounts.conf").read()
wanted = {one for pair in re.findall(r": ?\$(NATS_\w+)|password: \$(NATS_\w+)", text) for one in pair if one}
assert given == wanted, given ^ wanted
for one in objects:
    if one["kind"] in ("PodDisruptionBudget", "Service"):
        selected = one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        assert any(selected.items() <= load["spec"]["template"]["metadata"]["labels"].items() for load in workloads.values()), one["metadata"]
names = {(one["kind"], one["metadata"]["name"]) for one in objects}
for overlay in ("dev", "prod"):
    for patch in yaml.safe_load(open(f"deploy/kubernetes/{overlay}/kustomization.yaml"))["patches"]:
        assert (patch["target"]["kind"], patch["target"]["name"]) in names, patch["target"]
print(f"kubernetes: {len(objects)} objects; all that they refer to is there")
PYTHON
