// Starts `usher demo`, and `usher serve` with the vendors of `usher sandbox`. All processes listen on
// loopback, use a temporary directory, and end with the program.

import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const patience = 120_000; // of one wait, even on a busy machine
const longest = 15 * 60_000; // of one test file

export const tokens = { operator: randomBytes(24).toString("hex"), reader: randomBytes(24).toString("hex") };
const usher = fileURLToPath(new URL("../../usher", import.meta.url));
export const dir = mkdtempSync(join(tmpdir(), "usher-browser-"));
const running = new Set();
const started = [];

process.on("exit", (code) => {
  for (const { child } of running) child.kill("SIGKILL");
  if (code !== 0) for (const { args, text } of started) console.error(`usher ${args.join(" ")} said last:\n${text.slice(-3000)}`);
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
setTimeout(() => {
  console.error(`not done after ${longest / 1000} s`);
  process.exit(1);
}, longest).unref();

// until polls check until a truthy value, and returns the value. An error of
// check counts as false.
export async function until(what, check) {
  for (let end = Date.now() + patience, last; ; await sleep(50)) {
    try {
      const got = await check();
      if (got) return got;
    } catch (err) {
      last = err;
    }
    if (Date.now() > end) throw new Error(`waited ${patience / 1000} s until ${what}${last ? `: ${last.message}` : ""}`);
  }
}

// start starts usher without inherited variables, and waits for the printed address.
async function start(args, environ, says) {
  const child = spawn(usher, args, { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, TMPDIR: dir, ...environ }, stdio: ["ignore", "pipe", "pipe"] });
  const one = { args, child, text: "", ended: new Promise((resolve) => child.once("exit", resolve)) };
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (text) => (one.text += text));
  running.add(one);
  started.push(one);
  one.ended.then(() => running.delete(one));
  await until(`usher ${args.join(" ")} says where it is`, () => (one.url = one.text.match(says)?.[1]) || !running.has(one));
  if (!one.url) throw new Error(`usher ${args.join(" ")} has ended:\n${one.text}`);
  if (!one.url.startsWith("http")) one.url = `http://${one.url}`;
  return one;
}

// stop ends a process, and waits for the end.
export async function stop(one, signal = "SIGTERM") {
  one.child.kill(signal);
  const late = setTimeout(() => one.child.kill("SIGKILL"), patience);
  await one.ended;
  clearTimeout(late);
}

export const stopAll = () => Promise.all(Array.from(running, (one) => stop(one, "SIGKILL")));

const ask = (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(patience) });

export async function freeAddress() {
  const server = createServer();
  await new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

// demo starts a demo with a number of events, and an open console.
export const demo = (events) => start(["demo", "--events", String(events)], {}, /Console: (http:\S+)\/console\//);

// sandbox starts the simulated vendors, with the variables for usher serve in environ.
export async function sandbox() {
  const one = await start(["sandbox", "--addr", "127.0.0.1:0"], {}, /(http:\S+)\/state/);
  await until("the sandbox answers", async () => (await ask(one.url + "/state")).ok); // then all output is printed
  one.environ = Object.fromEntries(Array.from(one.text.matchAll(/^export (\w+)='(.*)'$/gm), ([, name, value]) => [name, value]));
  return one;
}

// configuration has a reader of the console, and courses.
const configuration = (more) => `
console:
  people:
    - {name: rita, role: reader, token: ${tokens.reader}}
${more}
courses:
  go-basics: {miestro: 4711, lead: 12}
`;

// serve starts usher serve with a console for an operator and a reader, and further lines below console.
// Short limits of retries cause dead letters.
export async function serve(environ, more = "") {
  const file = join(dir, "usher.yaml");
  writeFileSync(file, configuration(more));
  const settings = {
    USHER_HTTP_ADDR: "127.0.0.1:0", USHER_HTTP_RATE: "0", USHER_LOG_FORMAT: "json",
    USHER_CONSOLE_TOKENS: tokens.operator, USHER_WORKER_PREREQUISITE_WAIT: "500ms", USHER_WORKER_RETRY_MIN: "100ms",
  };
  return start(["--config", file, "serve"], { ...settings, ...environ }, /"addr":"([^"]+)".*over HTTP/);
}

// command runs a command of usher at a NATS server, and waits for its end.
export async function command(nats, ...args) {
  const child = spawn(usher, args, { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, USHER_NATS_URL: `nats://${nats}` }, stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (more) => (text += more));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`usher ${args.join(" ")}: exit code ${code}: ${text}`);
}

export const ready = (one) => until("usher is ready", async () => (await ask(one.url + "/readyz")).ok);

// send sends an event to usher, and returns its id.
export async function send(one, type, data) {
  const id = randomUUID();
  const body = JSON.stringify({ specversion: "1.0", id, source: "/school", type, data });
  const res = await ask(one.url + "/events", { method: "POST", headers: { "content-type": "application/cloudevents+json" }, body });
  if (res.status !== 202) throw new Error(`POST /events: ${res.status} ${await res.text()}`);
  return id;
}

// person returns the data of a new user.
export function person(name) {
  const id = `${name}-${randomBytes(4).toString("hex")}`;
  return { user_id: id, email: `${id}@example.org`, first_name: "Zoë", last_name: "Ångström" };
}

// holds returns the state of a simulated vendor.
export const holds = async (one, vendor) => (await (await ask(one.url + "/state")).json()).vendors[vendor];

// control lets a vendor fail for a minute (mode down), or ends the failure (ok).
export async function control(one, vendor, mode) {
  const res = await ask(`${one.url}/control/${vendor}?mode=${mode}&for=1m`, { method: "POST" });
  if (!res.ok) throw new Error(`control ${vendor}: ${res.status} ${await res.text()}`);
}
