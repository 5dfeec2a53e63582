// Starts `usher sandbox`, `usher serve` and a NATS client on loopback, in a temporary directory. All
// processes end with the program.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

export const patience = 60_000; // of one wait
const longest = 10 * 60_000; // of the whole run

export const token = randomBytes(24).toString("hex");
export const newSecret = () => "whsec_" + randomBytes(24).toString("base64");
export const secret = newSecret();
export const clerk = new URL("../../internal/ingest/mapping/testdata/", import.meta.url);
const usher = fileURLToPath(new URL("../../usher", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "usher-interop-"));

// world is set by startWorld.
export const world = {
  url: "", // URL of serve
  state: "", // URL of the sandbox's state
  nc: null, // connection to the NATS server of serve
  js: null, // JetStream client
  jsm: null, // JetStream manager
};

let sandbox, serve;
const processes = [];

// start starts usher. A running process does not keep the program from ending, which ends the process.
function start(args, environ) {
  const env = { PATH: process.env.PATH, HOME: dir, ...environ }; // no USHER_ variables from outside
  const child = spawn(usher, args, { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
  const started = { args, child, text: "" };
  started.ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.setEncoding("utf8").on("data", (text) => (started.text += text));
    pipe.unref();
  }
  child.unref();
  processes.push(started);
  return started;
}

process.on("exit", (code) => {
  for (const { child } of processes) child.kill("SIGKILL");
  if (code !== 0) console.error(`the log of serve:\n${serve?.text ?? "it was not started"}`);
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
setTimeout(() => {
  console.error(`not done after ${longest / 1000} s`);
  process.exit(1);
}, longest).unref();

// until polls check until a truthy value, and returns the value.
export async function until(what, check) {
  const end = Date.now() + patience;
  for (let last; ; await sleep(50)) {
    try {
      const got = await check();
      if (got) return got;
    } catch (err) {
      last = err;
    }
    const why = last ? `: ${last.cause?.message ?? last.message}` : "";
    const over = processes.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
    if (over) throw new Error(`waited until ${what}, but usher ${over.args.join(" ")} has ended${why}\n${over.text}`);
    if (Date.now() > end) throw new Error(`waited ${patience / 1000} s until ${what}${why}`);
  }
}

// within returns the value of a promise, or fails after the patience.
export async function within(what, promise) {
  const given = new AbortController();
  const late = sleep(patience, undefined, { signal: given.signal }).then(() => {
    throw new Error(`waited ${patience / 1000} s until ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    given.abort();
  }
}

// ask is fetch with a timeout.
export const ask = (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(patience) });

async function freeAddress() {
  const server = createServer();
  await new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

// clerkHook returns a configuration with a web hook of Clerk at /webhooks/clerk.
function clerkHook() {
  const mapping = readFileSync(new URL("clerk.yaml", clerk), "utf8").replace(/^(?=.)/gm, "      ");
  return `webhooks:\n  clerk:\n    scheme: standard\n    secrets: ["${secret}"]\n    event:\n${mapping}`;
}

// configure writes a configuration, and returns the file.
function configure(settings) {
  const file = join(dir, "usher.yaml");
  writeFileSync(file, settings);
  return file;
}

// recipeSecrets are the secrets of the recipes, by sender.
export const recipeSecrets = {};

// recipes returns the web hooks of docs/recipes.md, each with a secret of its own.
export function recipes() {
  const text = readFileSync(new URL("../../docs/recipes.md", import.meta.url), "utf8");
  const sections = Array.from(text.matchAll(/```yaml\nwebhooks:\n(.*?)```/gs), ([, section]) => section);
  const of = sections.filter((section) => !section.includes("scheme: basic")); // its secret has a user
  let sender;
  const lines = of.join("").split("\n").map((line) => {
    sender = line.match(/^ {2}([\w-]+):/)?.[1] ?? sender;
    return line.replace(/secrets_file: .*/, () => `secrets: ["${(recipeSecrets[sender] = newSecret())}"]`);
  });
  return "webhooks:\n" + lines.join("\n");
}

// startWorld starts a sandbox and serve, by default with a web hook of Clerk.
export async function startWorld(settings = clerkHook()) {
  sandbox = start(["sandbox", "--addr", "127.0.0.1:0"], {});
  world.state = await until("the sandbox says where it is", () => sandbox.text.match(/http:\S+\/state/)?.[0]);
  await until("the sandbox answers", async () => (await ask(world.state)).ok); // then all output is printed
  const exported = Array.from(sandbox.text.matchAll(/^export (\w+)='(.*)'$/gm), ([, name, value]) => [name, value]);

  const nats = await freeAddress();
  serve = start(["--config", configure(settings), "serve"], {
    ...Object.fromEntries(exported),
    USHER_NATS_EMBEDDED_ADDR: nats,
    USHER_NATS_EMBEDDED_DIR: join(dir, "nats"),
    USHER_HTTP_ADDR: "127.0.0.1:0",
    USHER_HTTP_TOKENS: token,
    USHER_LOG_FORMAT: "json",
  });
  world.url = "http://" + (await until("serve says where it listens", () => serve.text.match(/"addr":"([^"]+)".*over HTTP/)?.[1]));
  await until("serve is ready", async () => (await ask(world.url + "/readyz")).ok);

  world.nc = await connect({ servers: nats, timeout: patience });
  world.js = jetstream(world.nc, { timeout: patience });
  world.jsm = await jetstreamManager(world.nc, { timeout: patience });
}

// stopServe stops serve, and returns the exit code.
export async function stopServe() {
  await world.nc.close();
  serve.child.kill("SIGTERM");
  return within("serve ends after SIGTERM", serve.ended);
}

export async function endWorld() {
  await world.nc?.close();
  for (const { child } of processes) child.kill("SIGTERM");
  await within("all processes end after SIGTERM", Promise.all(processes.map(({ ended }) => ended)));
}
