// Runs usher serve through many situations, for samples of all metrics. The vendors are
// `usher sandbox`. All processes listen on loopback and end with the program.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const patience = 120_000; // of one wait
const usher = fileURLToPath(new URL("../../usher", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "usher-deploy-"));
const running = new Set();

process.on("exit", () => {
  for (const { child } of running) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

// start starts usher without inherited variables.
function start(args, environ) {
  const child = spawn(usher, args, { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, ...environ }, stdio: ["ignore", "pipe", "pipe"] });
  const one = { child, text: "", ended: new Promise((resolve) => child.once("exit", resolve)) };
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (text) => (one.text += text));
  running.add(one);
  one.ended.then(() => running.delete(one));
  return one;
}

async function stop(one, signal) {
  one.child.kill(signal);
  const late = setTimeout(() => one.child.kill("SIGKILL"), patience);
  await one.ended;
  clearTimeout(late);
}

// until polls check until a truthy value, and returns the value.
async function until(what, one, check) {
  for (const end = Date.now() + patience; ; await sleep(100)) {
    const got = await check().catch(() => null);
    if (got) return got;
    if (Date.now() > end || !running.has(one)) throw new Error(`it does not come to this: ${what}\n${one.text.slice(-4000)}`);
  }
}

const ask = (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(patience) });

// deafVendor accepts calls without answering.
async function deafVendor() {
  const vendor = { url: "", called: false };
  const server = createServer(() => (vendor.called = true)).unref();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  vendor.url = `http://127.0.0.1:${server.address().port}`;
  return vendor;
}

// onCall accepts the notifications of usher, and returns the URL.
async function onCall() {
  const server = createServer((req, res) => req.resume().on("end", () => res.writeHead(204).end())).unref();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

// serve starts usher serve, and returns the process with the URL of the endpoint.
async function serve(environ) {
  const one = start(["serve"], environ);
  one.url = "http://" + (await until("serve says where it listens", one, async () => one.text.match(/"addr":"([^"]+)".*over HTTP/)?.[1]));
  await until("serve is ready", one, async () => (await ask(one.url + "/readyz")).ok);
  return one;
}

async function send(one, list, want = 202) {
  const body = JSON.stringify(list.map(([type, data], i) => ({ specversion: "1.0", id: `${type}-${i}-${data.user_id}`, source: "/deploy", type, data })));
  const res = await ask(one.url + "/events", { method: "POST", headers: { "content-type": "application/cloudevents-batch+json" }, body });
  if (res.status !== want) throw new Error(`POST /events: ${res.status} ${await res.text()}`);
}

const hookToken = randomBytes(24).toString("hex");

async function deliver(one, delivery) {
  const res = await ask(one.url + "/webhooks/crm", { method: "POST", headers: { "content-type": "application/json", "x-usher-token": hookToken }, body: JSON.stringify(delivery) });
  if (!res.ok) throw new Error(`POST /webhooks/crm: ${res.status} ${await res.text()}`);
}

// configuration writes a usher.yaml with a sender of web hooks and a target of notifications, and returns
// the path. JSON is YAML too.
function configuration(target) {
  const path = join(dir, "usher.yaml");
  const crm = {
    scheme: "token", header: "X-Usher-Token", secrets: [hookToken],
    event: { id: "body.id", type: "body.type", types: { "contact.created": "user.created" }, data: { user_id: "body.user", email: "body.email" } },
  };
  const notified = { name: "on-call", url: target, secrets: [`whsec_${randomBytes(32).toString("base64")}`] };
  writeFileSync(path, JSON.stringify({ webhooks: { crm }, notify: { targets: [notified] } }));
  return path;
}

const person = (id) => ({ user_id: id, email: `${id}@example.org`, first_name: "Zoe", last_name: "Berg" });

// surroundings returns the environment of serve, with the sandbox as vendors.
function surroundings(sandbox) {
  const environ = {
    ...Object.fromEntries(Array.from(sandbox.text.matchAll(/^export (\w+)='(.*)'$/gm), ([, name, value]) => [name, value])),
    USHER_LOG_FORMAT: "json", USHER_HTTP_ADDR: "127.0.0.1:0", USHER_NATS_EMBEDDED_DIR: join(dir, "nats"),
    USHER_WORKER_ACK_WAIT: "3s", USHER_WORKER_CALL_LEASE: "2s", USHER_WORKER_RETRY_MIN: "1s", USHER_LEAD_RATE: "50",
  };
  for (const name of ["MIESTRO", "MEIRO", "LEAD", "MAGLOFT", "USERMOST"]) environ[`USHER_${name}_TIMEOUT`] = "1s";
  return environ;
}

// upset causes dead letters, and an effect in the middle of a call.
async function upset(environ) {
  const deaf = await deafVendor();
  const first = await serve({ ...environ, USHER_USERMOST_BASE_URL: deaf.url, USHER_WORKER_PREREQUISITE_WAIT: "100ms" });
  await send(first, [["user.deleted", { user_id: "nobody" }]]);
  await until("there is a dead letter", first, async () => first.text.includes('"outcome":"failed"'));
  await send(first, [["user.created", person("zoe")]]);
  await until("the vendor is called", first, async () => deaf.called);
  await stop(first, "SIGKILL");
}

// live runs usher serve through all situations of its metrics: a process killed in the middle of a
// call, a vendor that rejects the credentials, effects that end, fail and wait, an id with two contents, a
// web hook, a notification. Returns the text of /metrics once every metric exists, or the last text.
async function live(names) {
  const sandbox = start(["sandbox", "--addr", "127.0.0.1:0"], {});
  const host = await until("the sandbox says where it is", sandbox, async () => sandbox.text.match(/(http:\S+)\/state/)?.[1]);
  await until("the sandbox answers", sandbox, async () => (await ask(host + "/state")).ok); // then all output is printed
  const environ = surroundings(sandbox);
  await upset(environ);
  await ask(host + "/control/magloft?mode=refuse&for=5m", { method: "POST" });
  const one = await serve({ ...environ, USHER_CONFIG: configuration(await onCall()) });
  await deliver(one, { id: "d1", type: "contact.created", user: "eva", email: "eva@example.org" });
  await send(one, [["user.created", { ...person("zoe"), first_name: "Ann" }]], 409); // upset sent the id
  await send(one, [
    ["user.created", person("max")],
    ["enrollment.requested", { user_id: "early", course_id: "12", vendor: "lead" }],
    ["activity.tracked", { user_id: "max", name: "lesson_viewed" }],
  ]);
  let text = "";
  const complete = until("every metric is there", one, async () => {
    text = await (await ask(one.url + "/metrics", { headers: { accept: "text/plain" } })).text();
    return names.every((name) => text.includes(`\n# TYPE ${name} `));
  });
  await complete.catch((err) => console.error(err.message));
  await Promise.all([stop(one, "SIGTERM"), stop(sandbox, "SIGTERM")]);
  return text;
}

// scrape returns the text of /metrics after all situations, and ends all processes.
export async function scrape(names) {
  try {
    return await live(names);
  } finally {
    await Promise.all(Array.from(running, (one) => stop(one, "SIGKILL")));
  }
}
