// Tests the console without NATS, and without usher. The NATS server belongs to another usher serve,
// which the tests stop and start.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { forgive, launch, look, mark, meant, sound, unloaded, visit } from "./browser.mjs";
import { dir, freeAddress, person, sandbox, send, serve, stop, stopAll, tokens, until } from "./world.mjs";

let browser, stands, nats, http, broker, usher, v;

// up starts NATS unless running, and down stops NATS if running.
const up = async () => (broker ??= await startBroker());

async function down() {
  if (broker) await stop(broker);
  broker = undefined;
}

const unreached = /^answered: GET \/console\/: 503/;

const startBroker = () => serve({ ...stands.environ, USHER_NATS_EMBEDDED_ADDR: nats, USHER_NATS_EMBEDDED_DIR: join(dir, "nats") });
const startUsher = () => serve({ ...stands.environ, USHER_NATS_URL: `nats://${nats}`, USHER_HTTP_ADDR: http });

before(async () => {
  [browser, stands, nats, http] = await Promise.all([launch(), sandbox(), freeAddress(), freeAddress()]);
  usher = await startUsher();
  v = await visit(browser, usher.url);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

describe("NATS", () => {
  it("not reached yet: the console says what to do, and starts by itself", async () => {
    await v.page.goto("/console/");
    await v.page.getByLabel("Token").fill(tokens.operator);
    await v.page.getByRole("button", { name: "Log in" }).click();
    await v.page.locator("main[data-page=refused]").waitFor();
    assert.match(await v.page.locator("main").textContent(), /NATS is not reached yet[^]+look at nats\.url/);
    await meant(v, unreached);
    await until("the page without NATS is complete", async () => { // the page may reload during the check
      forgive(v, unreached);
      await look(v);
      return true;
    });
    await up();
    await v.page.locator("main[data-page=overview]").waitFor();
    await serving();
    forgive(v, unreached);
    await look(v);
  });

  it("lost: the page reports the loss and keeps the data", async () => {
    await up();
    await v.page.goto("/console/");
    await serving();
    forgive(v, unreached);
    await mark(v.page);
    await down();
    await v.page.locator("[data-banner=away]").waitFor();
    assert.match(await v.page.locator("[data-banner=away]").textContent(), /NATS is away[^]+nothing is lost/);
    assert.equal(await v.page.locator("article[data-vendor]").count(), 5);
    assert.ok(await unloaded(v.page), "the page was loaded anew");
    await look(v);
    for (const path of ["dead", "user?id=ada", "audit"]) {
      await v.page.goto(`/console/${path}`);
      await v.page.locator("main[data-page=refused]").waitFor();
      assert.match(await v.page.locator("main").textContent(), /NATS [^]+(Try again|goes on trying)/);
      await meant(v, /^answered: GET \/console\/\w+: 50[23]/);
      await look(v);
    }
  });

  it("back: the page continues by itself", async () => {
    await down();
    await v.page.goto("/console/");
    await v.page.locator("[data-banner=away]").waitFor();
    await mark(v.page);
    await up();
    await v.page.locator("[data-banner=away]").waitFor({ state: "detached" });
    await serving();
    assert.ok(await unloaded(v.page), "the page was loaded anew");
    await v.page.goto("/console/feed");
    const event = await until("an event can be sent again", () => send(usher, "user.created", person("back")));
    await until("what came of it is shown", async () => (await v.page.locator(`#feed-rows tr[data-event="${event}"][data-outcome=done]`).count()) === 5);
    await look(v);
  });
});

describe("usher itself", () => {
  it("stopped and started: the page reports the loss and continues", async () => {
    await up();
    await v.page.goto("/console/");
    await serving();
    await mark(v.page);
    await stop(usher);
    await v.page.locator("#lost").waitFor();
    usher = await startUsher();
    await v.page.locator("#lost").waitFor({ state: "hidden" });
    await serving();
    assert.ok(await unloaded(v.page), "the page was loaded anew");
    for (const asked of [/^failed: GET \/console\/live\/overview/, /^console: Failed to load resource: net::/, /^console: htmx: htmx:sse:error: /]) forgive(v, asked); // in the meantime
    await look(v);
    await v.page.goto("/console/dead"); // the session outlives the process
    await v.page.locator("main[data-page=dead]").waitFor();
    sound(v);
  });
});

const serving = () => until("all vendors are served", async () => (await v.page.locator("article[data-vendor][data-state=serving]").count()) === 5);
