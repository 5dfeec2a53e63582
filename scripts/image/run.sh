#!/usr/bin/env bash
# Runs the image of an OCI layout as Kubernetes does: the root of the image alone, read-only; uid 65532;
# no capabilities, and no way to new ones; /data in memory. Checks these, and the health of the process.
# Needs root, for mounts.
#   scripts/image/run.sh LAYOUT
set -euo pipefail

blob() { echo "$layout/blobs/${1/://}"; }
field() { grep -oE "\"$1\":(\[?\{[^}]*|\")*\"digest\":\"[^\"]+" "$2" | grep -oE 'sha256:[0-9a-f]{64}' | tail -1; }

layout=$(cd "$1" && pwd)
work=$(mktemp -d)
pid=""
end() {
	[[ -z $pid ]] || kill "$pid" 2>/dev/null || true
	[[ -z $pid ]] || wait "$pid" || true
	rm -rf "$work"
}
trap end EXIT

manifest=$(blob "$(field manifests "$layout/index.json")")
mkdir "$work/root"
tar -xf "$(blob "$(field layers "$manifest")")" -C "$work/root"

export USHER_HTTP_ADDR=127.0.0.1:0 USHER_LOG_FORMAT=json USHER_NATS_EMBEDDED_DIR=/data/nats \
	USHER_MIESTRO_API_KEY=none USHER_MIESTRO_API_SECRET=none USHER_MIESTRO_BASE_URL=http://127.0.0.1:9
# shellcheck disable=SC2016 # expanded by the inner shell
unshare --mount --propagation private bash -c '
	mount --bind "$1" "$1"
	mount -o remount,bind,ro,nosuid,nodev "$1"
	mount -t tmpfs -o uid=65532,gid=65532,mode=0700 tmpfs "$1/data"
	exec setpriv --clear-groups --no-new-privs unshare --root="$1" --wd=/ --setgid=65532 --setuid=65532 /usher serve
' sh "$work/root" 2>"$work/log" &
pid=$!

for _ in $(seq 600); do
	addr=$(grep -oE '"addr":"127\.0\.0\.1:[0-9]+"' "$work/log" | head -1 | cut -d'"' -f4) || true
	[[ -z $addr ]] || ! curl -fsS "http://$addr/healthz" >/dev/null 2>&1 || break
	kill -0 "$pid" || { cat "$work/log"; exit 1; }
	sleep 0.2
done
curl -fsS "http://$addr/healthz" >/dev/null || { cat "$work/log"; exit 1; }

status=$(cat "/proc/$pid/status")
for want in $'Uid:\t65532\t65532\t65532\t65532' $'Gid:\t65532\t65532\t65532\t65532' $'CapEff:\t0000000000000000' $'CapPrm:\t0000000000000000' $'NoNewPrivs:\t1'; do
	grep -qF "$want" <<<"$status" || { echo "image: the process lacks $want" >&2; exit 1; }
done
grep -qE ' / / ro,' "/proc/$pid/mountinfo" || grep -qE ' / ro,' "/proc/$pid/mountinfo" || { echo "image: the root is not read-only" >&2; exit 1; }
echo "the image runs: healthy, read-only, uid 65532, no capabilities"
