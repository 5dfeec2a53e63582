// Tests the pages of a vendor, of held deletions, of the configuration and of the audit log, and their actions, in
// a wide and in a narrow window.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, it } from "node:test";

import { asOperator, launch, look, tabTo } from "./browser.mjs";
import { command, control, dir, freeAddress, person, ready, sandbox, send, serve, stopAll, tokens, until } from "./world.mjs";

let address, browser, stands, usher;

before(async () => {
  [browser, stands] = await Promise.all([launch(), sandbox()]);
  address = await freeAddress();
  const nats = { USHER_NATS_EMBEDDED_ADDR: address, USHER_NATS_EMBEDDED_DIR: join(dir, "nats") };
  usher = await serve({ ...stands.environ, ...nats, USHER_DELETIONS_COUNT: "2" });
  await ready(usher);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

const fact = (page, name) => page.locator(`[data-fact=${name}]`).first().textContent();

// reloads loads a page until a check is true.
const reloads = (page, path, what, check) => until(what, async () => {
  await page.goto(path);
  return check();
});

// approveOne approves the held deletion of the first user in the list, and waits for its end.
async function approveOne(v) {
  const { page } = v;
  const row = page.locator("#held tbody tr").first();
  const [vendor, user] = [await row.getAttribute("data-held"), (await row.locator("td").first().textContent()).trim()];
  const others = await page.locator("#held tbody tr").count();
  await row.getByRole("link", { name: "Approve this one" }).click();
  await page.waitForURL(/user=/);
  assert.match(await page.locator("h1").textContent(), new RegExp(`of ${user}\\s+at ${vendor}`));
  assert.equal(await page.locator("[data-act=drop]").count(), 0);
  await look(v);
  await page.locator("[data-act=approve]").click();
  const dialog = page.locator("dialog#approve");
  await dialog.getByLabel("Why").fill("asked for by the user");
  await look(v);
  await dialog.getByRole("button", { name: "Approve" }).click();
  assert.match(await page.locator("[data-notice]").textContent(), /of the user was approved/);
  const held = `#held tr[data-held=${vendor}]:has-text("${user}")`;
  await reloads(page, "/console/deletions", "one is not held any more", async () => (await page.locator(held).count()) === 0);
  assert.ok(others > 1 && (await page.locator("#held tbody tr").count()) > 0, "the others are not held any more");
}

asOperator(() => ({ browser, url: usher.url }), (v) => {
  let page;

  before(() => (page = v.page));

  it("counts the results of the hour and of the day", async () => {
    for (const name of ["one", "two"]) await send(usher, "user.created", person(name));
    for (const window of ["5m", "1h", "1d"]) {
      await reloads(page, `/console/vendors/meiro?window=${window}`, "the results are counted", async () => Number(await fact(page, "ended")) >= 2);
      assert.match(await fact(page, "share"), / %$/);
      await look(v);
    }
    await page.goto("/console/");
    await tabTo(page, "a[href$='window=1d']");
    await page.keyboard.press("Enter");
    await page.waitForURL(/window=1d/);
    await until("the row counts the day", async () => /[2-9] ended.*in the last day/s.test(await page.locator("#legend-meiro").textContent()));
    await look(v);
  });

  it("tries a vendor on hold now", async () => {
    await control(stands, "lead", "refuse");
    await send(usher, "user.created", person("hold"));
    await reloads(page, "/console/vendors/lead", "lead is on hold", () => page.locator("[data-hold=lead]").count());
    assert.match(await page.locator("[data-hold=lead]").textContent(), /credentials/);
    await look(v);
    await page.goto("/console/");
    await until("the sentence begins with it", async () => /^\s*lead on hold for/.test(await page.locator("[data-headline]").textContent()));
    assert.equal(await page.locator("article").first().getAttribute("data-vendor"), "lead");
    await look(v);
    await page.locator("[data-headline] a", { hasText: "lead on hold" }).click();
    await control(stands, "lead", "ok");
    await page.locator("[data-do=check]").click();
    await page.locator("[data-notice]").waitFor();
    await reloads(page, "/console/vendors/lead", "lead serves again", () => page.locator("h1 [data-state=serving]").count());
    await page.goto("/console/audit?what=usher.vendor.checked");
    assert.match(await page.locator("#actions").textContent(), /operator\s*vendor checked\s*lead/);
    await look(v);
  });

  it("shows settings and rules without secrets", async () => {
    await page.goto("/console/vendors/lead");
    assert.match(await page.locator("[data-setting=rate]").textContent(), /\d/);
    assert.match(await page.locator("[data-setting=mode]").textContent(), /live/);
    assert.match(await page.locator("[data-setting=password]").textContent(), /redacted/);
    assert.ok(!(await page.content()).includes(stands.environ.USHER_LEAD_PASSWORD));
    await page.getByRole("link", { name: "All settings" }).click();
    await page.locator("main[data-page=configuration]").waitFor();
    assert.match(await page.locator("[data-file]").textContent(), /usher\.yaml/);
    for (const secret of [stands.environ.USHER_LEAD_PASSWORD, tokens.operator, tokens.reader]) assert.ok(!(await page.content()).includes(secret));
    await look(v);
    await page.goto("/console/configuration?all=1");
    assert.match(await page.locator("[data-setting='worker.hold_retry']").textContent(), /30s.*default/s);
    await look(v);
  });

  for (const [action, button, notice] of [["drop", "Drop", /were dropped/], ["approve", "Approve", /were approved/]]) {
    it(`lists held deletions, and can ${action} them`, async () => {
      const gone = Array.from({ length: 4 }, () => person(action));
      for (const who of gone) await send(usher, "user.created", who);
      for (const { user_id } of gone) await send(usher, "user.deleted", { user_id });
      await reloads(page, "/console/deletions?vendor=meiro", "deletions are held", () => page.locator("#held tr[data-held=meiro]").count());
      await look(v);
      await page.goto("/console/");
      await until("the sentence says so", async () => /\d+ deletions? held/.test(await page.locator("[data-headline]").textContent()));
      await page.goto("/console/vendors/meiro");
      assert.match(await page.locator("#held-deletions").textContent(), /wait for approval/);
      await look(v);
      await page.goto("/console/deletions");
      if (action === "approve") await approveOne(v);
      await page.goto("/console/deletions");
      await page.locator(`[data-act=${action}]`).click();
      const dialog = page.locator(`dialog#${action}`);
      await dialog.getByLabel("Why").fill("the end of the year");
      await look(v);
      await dialog.getByRole("button", { name: button }).click();
      assert.match(await page.locator("[data-notice]").textContent(), notice);
      await reloads(page, "/console/deletions", "none is held", async () => /^0 deletions/.test(await page.locator("#tally").textContent()));
      await look(v);
      await page.goto("/console/audit?days=1");
      assert.match(await page.locator("#actions tr").nth(1).textContent(), /operator.*deletions.*the end of the year/s);
      if (action === "approve") await command(address, "approve", "deletions", "--end"); // the next window holds deletions, too
    });
  }

  it("searches the feed by user and type", async () => {
    const who = person("search");
    await send(usher, "user.created", who);
    await page.goto("/console/feed");
    await page.getByLabel("User id").fill(who.user_id);
    await page.keyboard.press("Enter");
    await page.waitForURL(/user=/);
    await until("all five effects are there", async () => (await page.locator("#feed-rows tr").count()) === 5);
    await page.getByLabel("Event type").selectOption("user.deleted");
    await page.waitForURL(/type=user.deleted/);
    assert.equal(await page.locator("#feed-rows tr").count(), 0);
    await look(v);
    await page.goto(`/console/feed?user=${who.user_id}&until=2020-01-01T00:00`);
    assert.equal(await page.locator("#feed-rows tr").count(), 0);
  });

  it("filters the audit log", async () => {
    await page.goto("/console/audit");
    await page.getByLabel("What").selectOption("usher.deletions.dropped");
    await page.waitForURL(/what=usher.deletions.dropped/);
    const kinds = await page.locator("#actions tbody tr").evaluateAll((list) => list.map((e) => e.dataset.action));
    assert.deepEqual(new Set(kinds), new Set(["usher.deletions.dropped"]));
    await look(v);
  });
});
