#!/usr/bin/env bash
# Builds a release: binaries for each system, an SBOM (CycloneDX) for each binary, and the
# checksums. The same source, version and Go give the same bytes on every machine.
#   scripts/release.sh v1.2.3 dist           TARGETS="linux/amd64" to build a subset
set -euo pipefail

if [[ $# -ne 2 || ! $1 =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
	echo "usage: scripts/release.sh vX.Y.Z DIRECTORY" >&2
	exit 2
fi
version=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."
if [[ -n $(ls -A "$out") ]]; then
	echo "release: directory $out is not empty; use an empty directory" >&2
	exit 1
fi

# The binaries must not depend on the machine: no C compiler, no paths, no state of the checkout.
export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOAMD64=v1 GOARM64=v8.0 LC_ALL=C TZ=UTC

go mod verify >&2 # the modules in the cache are those of go.sum

for target in ${TARGETS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}; do
	system=${target%/*} machine=${target#*/}
	name=usher_${version}_${system}_${machine}
	file=$out/$name
	[[ $system == windows ]] && file=$file.exe
	GOOS=$system GOARCH=$machine go build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.release=$version" -o "$file" ./cmd/usher
	go run ./scripts/sbom "$file" "$version" >"$out/$name.cdx.json"
done

cd "$out"
sums=$(sha256sum -- *)
echo "$sums" >SHA256SUMS
