#!/bin/sh
# Installs the UmaDB server and a protoc into .peers/ and builds the program. Needs python3 with venv and a C compiler.
set -eu
cd "$(dirname "$0")"

[ -x .peers/bin/python ] || python3 -m venv .peers
.peers/bin/pip install --quiet --disable-pip-version-check umadb==0.7.8

if [ ! -x .peers/bin/protoc ]; then
    if system=$(command -v protoc); then
        ln -s "$system" .peers/bin/protoc
    else
        .peers/bin/pip install --quiet --disable-pip-version-check grpcio-tools==1.85.1
        printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m grpc_tools.protoc "$@"\n' >.peers/bin/protoc
        chmod +x .peers/bin/protoc
    fi
fi

${CARGO:-cargo} build --release --locked
