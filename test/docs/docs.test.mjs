// Checks the contract by AsyncAPI's parser, and runs those programs of docs/producing-events.md that
// need more than Go. Run by `make check-docs`, which builds ../../usher.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import asyncapi from "@asyncapi/parser";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const usher = join(root, "usher");
const patience = 120_000; // of one wait, in ms
const contract = join(root, "schemas", "asyncapi.yaml");
const run = promisify(execFile);

// ---- the contract ----

// faultsOf returns the faults of a document by the parser. The parser reads referenced files, but no URLs.
async function faultsOf(text) {
  const { document, diagnostics } = await new asyncapi.Parser().parse(text, { source: contract });
  const faults = diagnostics.filter(({ severity }) => severity <= 1).map(({ path, message }) => `${path.join(".")}: ${message}`);
  return document ? faults : [...faults, "it is no AsyncAPI document"];
}

describe("schemas/asyncapi.yaml", () => {
  const text = readFileSync(contract, "utf8");

  it("is an AsyncAPI document without faults", async () => {
    assert.deepEqual(await faultsOf(text), []);
  });

  // The first test could pass without finding anything; these tests show faults.
  const planted = {
    "an unknown action": ["action: receive", "action: take"],
    "a broken reference": ["'#/components/messages/batch'", "'#/components/messages/bunch'"],
    "a missing file": ["./event/user.created.json", "./event/user.made.json"],
    "a header without a type": ["pattern: ^application", "pattern: 7 #"],
    "an unknown security scheme": ["type: userPassword", "type: userPasswort"],
  };
  for (const [name, [from, to]] of Object.entries(planted)) {
    it(`reports ${name}`, async () => {
      assert.ok(text.includes(from), `the contract has no ${from} to spoil`);
      assert.notDeepEqual(await faultsOf(text.replace(from, to)), []);
    });
  }
});

// ---- producers ----

const page = readFileSync(join(root, "docs", "producing-events.md"), "utf8");
const programs = new Map(Array.from(page.matchAll(/```(?:go|js)\n\/\/ file: (\S+)\n\n?(.*?)```/gs), ([, name, text]) => [name, text]));

describe("docs/producing-events.md", () => {
  const dir = mkdtempSync(join(tmpdir(), "usher-docs-"));
  const started = [];
  const environ = { PATH: process.env.PATH, HOME: process.env.HOME, USHER_TOKEN: "a-token-of-this-test-only" };

  // start starts usher and waits for matching output.
  async function start(args, env, expression) {
    const child = spawn(usher, args, { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    started.push({ child, ended });
    let text = "";
    for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (part) => (text += part));
    for (const end = Date.now() + patience; !expression.test(text); await sleep(50)) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`usher ${args.join(" ")} does not say ${expression}:\n${text}`);
    }
    return text;
  }

  async function freeAddress() {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return `127.0.0.1:${port}`;
  }

  before(async () => {
    const said = await start(["sandbox", "--addr", "127.0.0.1:0"], {}, /USHER_USERMOST_RATE='0'/);
    const exported = Object.fromEntries(Array.from(said.matchAll(/^export (\w+)='(.*)'$/gm), ([, name, value]) => [name, value]));
    const nats = await freeAddress();
    Object.assign(environ, { NATS_URL: `nats://${nats}`, USHER_NATS_URL: `nats://${nats}` });
    const serve = { ...exported, USHER_NATS_EMBEDDED_ADDR: nats, USHER_NATS_EMBEDDED_DIR: join(dir, "nats"), USHER_HTTP_ADDR: "127.0.0.1:0", USHER_HTTP_TOKENS: environ.USHER_TOKEN, USHER_LOG_FORMAT: "json" };
    environ.USHER_URL = "http://" + (await start(["serve"], serve, /"serving"/)).match(/"addr":"([^"]+)"/)[1];
    symlinkSync(join(here, "node_modules"), join(dir, "node_modules"));
  });

  after(async () => {
    for (const { child } of started.toReversed()) child.kill("SIGTERM");
    await Promise.all(started.map(({ ended }) => ended));
    rmSync(dir, { recursive: true, force: true });
  });

  // done waits for the results of an event: one per vendor, all done.
  async function done(id) {
    const { stdout } = await run(usher, ["results", "--follow", "--event", id, "--limit", "5", "--json"], { cwd: dir, env: environ, timeout: patience });
    const results = stdout.trim().split("\n").map((line) => JSON.parse(line).data);
    assert.deepEqual(results.map(({ vendor, outcome }) => `${vendor} ${outcome}`).sort(), ["lead done", "magloft done", "meiro done", "miestro done", "usermost done"]);
  }

  it("contains the programs under test", () => {
    assert.deepEqual([...programs.keys()], ["nats/main.go", "sdk/main.go", "nats.mjs", "sdk.mjs"]); // the first one: go test ./cmd/usher
  });

  for (const [name, id] of [["nats.mjs", "js-nats-1"], ["sdk.mjs", "js-sdk-1"]]) {
    it(`${name} runs`, async () => {
      writeFileSync(join(dir, name), programs.get(name));
      await run(process.execPath, [name], { cwd: dir, env: environ, timeout: patience });
      await done(id);
    });
  }

  it("sdk/main.go runs", async () => {
    const at = join(dir, "producer");
    mkdirSync(at);
    for (const file of ["go.mod", "go.sum"]) cpSync(join(here, "producer", file), join(at, file));
    writeFileSync(join(at, "main.go"), programs.get("sdk/main.go"));
    await run("go", ["build", "-o", "producer", "."], { cwd: at, env: { ...process.env, GOFLAGS: "-mod=readonly", GOWORK: "off" }, timeout: 300_000 });
    await run(join(at, "producer"), { cwd: at, env: environ, timeout: patience });
    await done("go-sdk-1");
  });
});
