// Tests the log-in to the console at a real OpenID Connect provider: oidc-provider, of other authors, with its
// own pages for log-in and consent.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import Provider from "oidc-provider";

import { forgive, launch, look, sizes, sound, visit } from "./browser.mjs";
import { dir, freeAddress, ready, sandbox, serve, stopAll, tokens } from "./world.mjs";

const secret = "the-secret-of-usher-at-the-provider";
const groups = { ada: ["staff", "ops"], bob: ["staff"], eve: ["pupils"] };

let browser, provider, usher;

// provide starts the provider, with a client for the console at an address.
async function provide(redirect) {
  const address = await freeAddress();
  const op = new Provider(`http://${address}`, {
    clients: [{ client_id: "usher", client_secret: secret, redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] }],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    cookies: { keys: ["the-key-of-the-cookies-of-the-provider"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, groups: groups[id] ?? [] }) }),
  });
  const server = createServer(op.callback());
  await new Promise((resolve) => server.listen(Number(address.split(":")[1]), "127.0.0.1", resolve));
  return { url: `http://${address}`, server };
}

before(async () => {
  const address = await freeAddress();
  const redirect = `http://${address}/console/oidc/callback`;
  let stands;
  [browser, stands, provider] = await Promise.all([launch(), sandbox(), provide(redirect)]);
  const nats = { USHER_NATS_EMBEDDED_ADDR: await freeAddress(), USHER_NATS_EMBEDDED_DIR: join(dir, "nats"), USHER_HTTP_ADDR: address };
  usher = await serve({ ...stands.environ, ...nats }, `  oidc:
    issuer: ${provider.url}
    client_id: usher
    client_secret: ${secret}
    redirect_url: ${redirect}
    rules:
      - {value: ops, role: operator, vendors: [lead], may: [pause]}
      - {value: staff, role: reader}
`);
  await ready(usher);
});

after(async () => {
  await browser?.close();
  provider?.server.close();
  await stopAll();
});

// loginAs logs in at the provider, by its pages, from a page of the console.
async function loginAs(v, name) {
  const { page } = v;
  await page.goto("/console/audit");
  await look(v);
  await page.locator("[data-do=oidc]").click();
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(/\/console\//);
  forgive(v, /./); // faults of the pages of the provider
}

for (const [size, viewport] of Object.entries(sizes)) {
  describe(`a person of the provider, ${size}`, () => {
    it("logs in as a limited operator, acts within the rights, and logs out", async () => {
      const v = await visit(browser, usher.url, { viewport });
      await loginAs(v, "ada");
      await v.page.locator("main[data-page=audit]").waitFor();
      assert.match(await v.page.locator(".who").textContent(), /ada\s+operator/);
      const session = (await v.context.cookies()).find((c) => c.name === "usher_console");
      assert.deepEqual([session.httpOnly, session.sameSite], [true, "Strict"]);
      await v.page.goto("/console/");
      assert.deepEqual(await v.page.locator("[data-do=pause]").evaluateAll((list) => list.map((e) => e.closest("article").dataset.vendor)), ["lead"]);
      await v.page.locator("[data-do=pause]").click();
      await v.page.locator("dialog#pause-lead").getByRole("button", { name: "Pause lead" }).click();
      await v.page.locator("[data-notice]").waitFor();
      await look(v);
      await v.page.locator("[data-do=resume]").click();
      await v.page.locator("dialog#resume-lead").getByRole("button", { name: "Resume lead" }).click();
      await v.page.locator("[data-notice]").waitFor();
      assert.equal((await v.page.request.get("/console/send")).status(), 403);
      await v.page.goto("/console/audit?who=ada");
      assert.match(await v.page.locator("#actions").textContent(), /vendor paused/);
      await v.page.getByRole("button", { name: "Log out" }).click();
      await v.page.locator("main[data-page=login]").waitFor();
      sound(v);
      await v.context.close();
    });

    it("is a reader by another group", async () => {
      const v = await visit(browser, usher.url, { viewport });
      await loginAs(v, "bob");
      assert.match(await v.page.locator(".who").textContent(), /bob\s+reader/);
      await v.context.close();
    });

    it("has no access without a group of the rules", async () => {
      const v = await visit(browser, usher.url, { viewport });
      await loginAs(v, "eve");
      assert.match(await v.page.locator("main").textContent(), /no rule of console\.oidc\.rules/);
      await look(v);
      await v.page.goto("/console/");
      await v.page.locator("main[data-page=login]").waitFor();
      await v.page.getByLabel("Token").fill(tokens.operator);
      await v.page.getByRole("button", { name: "Log in", exact: true }).click();
      await v.page.locator("main[data-page=overview]").waitFor();
      await v.context.close();
    });
  });
}
