// Tests that the Standard Webhooks library for JavaScript verifies the messages of `usher notify test`. Run
// by `make interop`, which builds ../../usher.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { Webhook } from "standardwebhooks";

import { newSecret } from "./world.mjs";

const usher = fileURLToPath(new URL("../../usher", import.meta.url));
const secrets = [newSecret(), newSecret()]; // both, as during a rotation
const folder = mkdtempSync(join(tmpdir(), "usher-notify-"));
const received = [];

const receiver = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  received.push({ headers: req.headers, body: Buffer.concat(chunks).toString() });
  res.writeHead(204).end();
});

// notify runs `usher notify test`, and returns the message.
async function notify(list) {
  const file = join(folder, "usher.yaml");
  const target = { name: "on-call", url: `http://127.0.0.1:${receiver.address().port}/hook`, secrets: list };
  writeFileSync(file, JSON.stringify({ notify: { targets: [target] } }));
  const child = spawn(usher, ["--config", file, "notify", "test", "on-call"], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.equal(received.length, 1);
  return received.pop();
}

describe("notifications", () => {
  before(() => once(receiver.listen(0, "127.0.0.1"), "listening"));
  after(() => {
    receiver.close();
    rmSync(folder, { recursive: true });
  });

  it("are verified by the library, with each secret of a rotation", async () => {
    const { headers, body } = await notify(secrets);
    for (const one of secrets) {
      const message = new Webhook(one).verify(body, headers);
      assert.equal(message.type, "usher.test.firing");
      assert.equal(message.data.kind, "test");
    }
  });

  it("are refused with another secret, another id, or another body", async () => {
    const { headers, body } = await notify(secrets.slice(0, 1));
    const hook = new Webhook(secrets[0]);
    hook.verify(body, headers);
    assert.throws(() => new Webhook(secrets[1]).verify(body, headers));
    assert.throws(() => hook.verify(body, { ...headers, "webhook-id": "msg_other" }));
    assert.throws(() => hook.verify(body.replace("test", "hold"), headers));
  });
});
