// Tests the recipes of docs/recipes.md with a real usher serve. The packages of the senders sign the
// samples in examples/webhooks. Run by `make interop`.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, it } from "node:test";

import { sign as signGitHub } from "@octokit/webhooks-methods";
import { WorkOS } from "@workos-inc/node";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

import { ask, endWorld, recipes, recipeSecrets, startWorld, stopServe, world } from "./world.mjs";

const samples = new URL("../../examples/webhooks/", import.meta.url);

// read returns the headers and the body of a sample, and the lines of its events.
function read(sender, name) {
  const [head, ...rest] = readFileSync(new URL(`${sender}/${name}.http`, samples), "utf8").split("\n\n");
  const headers = Object.fromEntries(head.split("\n").map((line) => line.split(/:\s*/, 2)));
  const events = readFileSync(new URL(`${sender}/${name}.events`, samples), "utf8").split("\n").filter(Boolean);
  return { headers, body: rest.join("\n\n"), ids: events.map((line) => line.split(" ")[1]) };
}

const names = (sender) => readdirSync(new URL(sender, samples)).filter((file) => file.endsWith(".http")).map((file) => file.slice(0, -5));

// signed returns the headers with the signature by the sender's own package.
const signed = {
  async clerk(body, id) {
    const now = new Date();
    return { "svix-id": id, "svix-timestamp": String(Math.floor(now / 1000)), "svix-signature": new Svix(recipeSecrets.clerk).sign(id, now, body) };
  },
  async standard(body, id) {
    const now = new Date();
    return { "webhook-id": id, "webhook-timestamp": String(Math.floor(now / 1000)), "webhook-signature": new StandardWebhook(recipeSecrets.clerk).sign(id, now, body) };
  },
  async stripe(body) {
    return { "stripe-signature": new Stripe("sk_test_of_no_account").webhooks.generateTestHeaderString({ payload: body, secret: recipeSecrets.stripe }) };
  },
  async github(body) {
    return { "x-hub-signature-256": await signGitHub(recipeSecrets.github, body) };
  },
  async workos(body) {
    const { webhooks } = new WorkOS("sk_test_of_no_account");
    const timestamp = Date.now();
    const digest = await webhooks.computeSignature(timestamp, JSON.parse(body), recipeSecrets.workos);
    return { "workos-signature": `t=${timestamp}, v1=${digest}` };
  },
};

// deliver posts a delivery, and returns the status and the accepted ids.
async function deliver(sender, { headers, body }, signature) {
  const res = await ask(`${world.url}/webhooks/${sender}`, { method: "POST", headers: { ...headers, ...signature }, body });
  return { status: res.status, ids: (await res.json()).accepted };
}

await startWorld(recipes());

describe("recipes", () => {
  after(endWorld);

  for (const [sign, sender] of [["clerk", "clerk"], ["standard", "clerk"], ["stripe", "stripe"], ["github", "github"], ["workos", "workos"]]) {
    for (const name of names(sender)) {
      it(`${sender}: ${name}, signed by ${sign}`, async () => {
        const sample = read(sender, name);
        if (sign === "workos") sample.body = JSON.stringify(JSON.parse(sample.body)); // the package signs the parsed payload
        const id = `msg_${name.replaceAll(".", "-")}`; // the samples have one id
        sample.ids = sample.ids.map((one) => one.replace("msg_1", id));
        const signature = await signed[sign](sample.body, id);
        assert.equal((await deliver(sender, { ...sample, body: sample.body + " " }, signature)).status, 401);
        for (let attempt = 0; attempt < 2; attempt++) {
          assert.deepEqual(await deliver(sender, sample, signature), { status: 202, ids: sample.ids });
        }
      });
    }
  }

  it("serve ends with 0 after SIGTERM", async () => {
    assert.equal(await stopServe(), 0);
  });
});
