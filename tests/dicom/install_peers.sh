#!/bin/bash
# Install the DICOM nodes that the tests talk to, from Debian, unless they are there. Orthanc's own service is not started.
set -euo pipefail

missing=()
# An activated environment has a storescp and a movescu of pynetdicom, but no dcmdump.
command -v dcmdump > /dev/null || missing+=(dcmtk)
command -v Orthanc > /dev/null || missing+=(orthanc)
((${#missing[@]})) || exit 0

as_root=()
if ((EUID)); then
    command -v sudo > /dev/null || {
        echo "The tests need ${missing[*]}: install them with apt-get" >&2
        exit 1
    }
    as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" > /dev/null
