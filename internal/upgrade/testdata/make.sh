#!/bin/sh
# Creates former.tar.gz: the data of the embedded NATS server of a former Usher, killed
# under load. Usage: make.sh USHER DIRECTORY, with a binary of commit 6eefa4b. The sandbox is
# left running, with the process id in DIRECTORY/sandbox.pid: the data refer to the sandbox.
set -eu
serve=; trap '[ -z "$serve" ] || kill -9 $serve 2> /dev/null || true' EXIT
usher=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
cd "$2"

printf 'courses:\n  go-basics:\n    miestro: 1\n    lead: 12\n' > usher.yaml
"$usher" sandbox --addr 127.0.0.1:28090 --latency 20ms > sandbox.env 2> sandbox.log &
echo $! > sandbox.pid
until curl -sf http://127.0.0.1:28090/state > /dev/null; do sleep 0.2; done
. ./sandbox.env
export USHER_NATS_EMBEDDED_DIR="$PWD/nats" USHER_NATS_EMBEDDED_ADDR=127.0.0.1:28422 USHER_HTTP_ADDR=off
# The data must not expire before the tests read them.
export USHER_NATS_EVENTS_MAX_AGE=876000h USHER_NATS_RESULTS_MAX_AGE=876000h USHER_NATS_DEAD_MAX_AGE=876000h
export USHER_NATS_AUDIT_MAX_AGE=876000h USHER_NATS_EFFECTS_TTL=876000h
"$usher" --config usher.yaml serve > serve.log 2>&1 &
serve=$!
until grep -q '"serving"' serve.log; do sleep 0.2; done
export USHER_NATS_URL=nats://127.0.0.1:28422

event() { # id, type, data
  printf '{"specversion":"1.0","id":"%s","source":"/school","type":"%s","datacontenttype":"application/json","data":%s}\n' "$1" "$2" "$3"
}
created() { event "c$1" user.created "{\"user_id\":\"u$1\",\"email\":\"u$1@example.org\",\"first_name\":\"A\",\"last_name\":\"B\"}"; }
control() { curl -sf -X POST "http://127.0.0.1:28090/control/$1" > /dev/null; }
send() { "$usher" send - > /dev/null; }
results() { "$usher" results --json --limit 10000 2> /dev/null | grep -c "$1" || true; }

control 'miestro?mode=trouble&user=u1@&status=400&for=1h'
for n in 1 2 3 4 5 6 7 8; do created $n; done | send
until [ "$(results '"outcome":"failed"')" -ge 1 ] && [ "$("$usher" results --limit 10000 | wc -l)" -ge 40 ]; do sleep 0.5; done
"$usher" pause meiro > /dev/null
control 'lead?mode=refuse&for=1h'
control 'miestro?mode=trouble&user=u1@&delay=1h&for=1h'
"$usher" dead replay --all --max 10 --vendor miestro > /dev/null
for n in 9 10 11 12; do created $n; done | send
for n in 20 21 22; do event "e$n" enrollment.requested "{\"user_id\":\"u$n\",\"course_id\":\"go-basics\",\"email\":\"u$n@example.org\"}"; done | send
sleep 5
kill -9 $serve
tar -cz -C "$PWD" --exclude='*.lock' nats > "$here/former.tar.gz"
