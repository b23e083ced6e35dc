#!/bin/bash
# Install what the tests of the image run it with, from Debian, unless it is there.
set -euo pipefail

missing=()
command -v mmdebstrap > /dev/null || missing+=(mmdebstrap)
command -v tini-static > /dev/null || missing+=(tini)
command -v unshare > /dev/null || missing+=(util-linux)
((${#missing[@]})) || exit 0

as_root=()
if ((EUID)); then
    command -v sudo > /dev/null || {
        echo "The tests need ${missing[*]}: install them with apt-get" >&2
        exit 1
    }
    as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" > /dev/null
