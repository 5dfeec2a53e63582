// Tests the console of `usher serve`: access, and the actions of an operator, in a wide and in a narrow
// window. The vendors are those of `usher sandbox`.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";

import { asOperator, launch, login, look, mark, meant, sizes, sound, tabTo, texts, unloaded, visit } from "./browser.mjs";
import { control, dir, freeAddress, holds, person, ready, sandbox, send, serve, stopAll, tokens, until } from "./world.mjs";

const vendors = ["lead", "magloft", "meiro", "miestro", "usermost"];

let browser, stands, usher;

before(async () => {
  [browser, stands] = await Promise.all([launch(), sandbox()]);
  const nats = { USHER_NATS_EMBEDDED_ADDR: await freeAddress(), USHER_NATS_EMBEDDED_DIR: join(dir, "nats") };
  usher = await serve({ ...stands.environ, ...nats });
  await ready(usher);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

// ---- events and vendors ----

// early requests an enrolment of a user without account at LEAD: a dead letter, until the user is
// created.
async function early(name) {
  const who = person(name);
  const event = await send(usher, "enrollment.requested", { user_id: who.user_id, email: who.email, course_id: "12", vendor: "lead" });
  return { who, event };
}

// courses returns the courses of a user at LEAD.
async function courses({ email }) {
  const { users, enrollments } = await holds(stands, "lead");
  const { id } = users.find((u) => u.email === email);
  return enrollments.filter((e) => e.user_id === id && e.active).map((e) => e.course_id);
}

// ---- actions in the pages ----

// deadRow waits for the row of an event's dead letter in the list.
async function deadRow(page, event) {
  const row = page.locator("#letters tr[data-letter]", { hasText: event });
  await until("the dead letter is in the list", async () => {
    await page.goto(`/console/dead?text=${event}`);
    return row.count();
  });
  return row;
}

async function openLetter(page, event) {
  await (await deadRow(page, event)).locator("[data-label=Event] a").click();
  await page.locator("main[data-page=letter]").waitFor();
}

// formOf returns the hidden field of every form of the session.
async function formOf(page) {
  const hidden = page.locator("form[action$=logout] input[type=hidden]");
  return { [await hidden.getAttribute("name")]: await hidden.getAttribute("value") };
}

// stateOf returns the state on the card of a vendor.
const stateOf = (page, vendor) => page.locator(`article[data-vendor=${vendor}]`).getAttribute("data-state");

// audited returns the newest action of a kind in the audit log.
async function audited(page, kind) {
  await page.goto("/console/audit");
  return (await page.locator(`#actions tr[data-action="${kind}"]`).first().textContent()).replace(/\s+/g, " ");
}

// historyEnds waits until the shown history has the same state of an event at all given vendors, and
// the further lines as "vendor state". The last run of a vendor counts: those before a replay stand first.
async function historyEnds(page, event, at, end, ...further) {
  const states = () => page.locator(`#history li[data-event="${event}"] [data-at]`)
    .evaluateAll((list) => Array.from(new Map(list.map((e) => [e.dataset.at, e.dataset.state])), ([vendor, state]) => `${vendor} ${state}`));
  await until(`${at} are ${end}`, async () => (await states()).sort().join() === [...at.map((vendor) => `${vendor} ${end}`), ...further].sort().join());
}

// ---- access ----

for (const [size, viewport] of Object.entries(sizes)) {
  describe(`login, ${size}`, () => {
    let v;

    before(async () => (v = await visit(browser, usher.url, { viewport })));
    afterEach(() => sound(v));
    after(() => v.context.close());

    it("a wrong token is rejected with a message", async () => {
      await v.page.goto("/console/dead");
      await v.page.getByLabel("Token").fill("not-the-token-of-anybody");
      await v.page.keyboard.press("Enter");
      assert.match(await v.page.getByRole("alert").textContent(), /not known/);
      await meant(v, /^answered: POST \/console\/login: 401/);
      await look(v);
    });

    it("the right token leads to the requested page", async () => {
      await v.page.getByLabel("Token").fill(tokens.operator);
      await v.page.getByRole("button", { name: "Log in" }).click();
      await v.page.locator("main[data-page=dead]").waitFor();
      assert.match(await v.page.locator("header .who").textContent(), /operator/);
      const [cookie] = await v.context.cookies();
      assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
    });

    it("logging out ends the session", async () => {
      await v.page.getByRole("button", { name: "Log out" }).click();
      await v.page.locator("main[data-page=login]").waitFor();
      await v.page.goto("/console/");
      await v.page.locator("main[data-page=login]").waitFor();
      assert.deepEqual(await v.context.cookies(), []);
    });
  });
}

describe("a reader", () => {
  let v, event, who, letter;

  before(async () => {
    v = await visit(browser, usher.url);
    await login(v, tokens.reader);
    ({ event, who } = await early("reader"));
    await openLetter(v.page, event);
    letter = new URL(v.page.url()).pathname;
  });

  afterEach(() => sound(v));
  after(() => v.context.close());

  it("sees the same pages without actions", async () => {
    for (const page of ["", "feed", "dead", "user", `user?id=${who.user_id}`, "audit", letter.slice("/console/".length)]) {
      await v.page.goto(`/console/${page}`);
      await v.page.locator("h1").waitFor();
      const acts = "[data-do=pause], [data-do=resume], [data-act], [name=letter], dialog, form[method=post]:not([action$=logout], [action$=find]) :is(button, input:not([type=hidden])), a[href*='/send']";
      assert.equal(await v.page.locator(acts).count(), 0, page);
      await look(v);
    }
  });

  it("sees no e-mail", async () => {
    await v.page.goto(letter);
    assert.ok(!(await v.page.content()).includes(who.email));
    assert.match(await v.page.locator("#payload").textContent(), /"email": "\(text, \d+ characters\)"/);
  });

  it("cannot act by any form", async () => {
    const form = await formOf(v.page);
    const writes = {
      [letter]: { do: "drop", reason: "a lark" },
      "/console/dead": { do: "drop", all: "1", reason_drop: "a lark" },
      "/console/vendors/lead/pause": {},
      "/console/send": { type: "user.deleted", "data.user_id": who.user_id },
    };
    for (const [path, more] of Object.entries(writes)) {
      for (const sent of [{ ...form, ...more }, more]) assert.equal((await v.page.request.post(path, { form: sent })).status(), 403, path);
    }
    assert.equal((await v.page.request.get("/console/send")).status(), 403);
    assert.equal((await v.page.request.post(letter, { form: { ...form, do: "reveal" } })).status(), 403);
    await v.page.goto(letter);
    assert.equal(await v.page.locator("#state").getAttribute("data-state"), "waiting");
  });
});

// ---- an operator ----

asOperator(() => ({ browser, url: usher.url }), (v, viewport) => {
  let page;

  before(() => (page = v.page));

  it("fixes the cause of a dead letter, and replays the dead letter", async () => {
    const { who, event } = await early("dead");
    const row = await deadRow(page, event);
    assert.match(await row.textContent(), /lead\s+enrollment\.requested[^]+prerequisite/);
    await look(v);
    await openLetter(page, event);
    await look(v);

    assert.match(await page.locator("#payload").textContent(), /"d…@example\.org"/);
    assert.ok(!(await page.content()).includes(who.email));
    await page.locator("[data-act=reveal]").click();
    await until("the e-mail is shown", async () => (await page.locator("#payload").textContent()).includes(who.email));
    await look(v);

    await preview(page, /./);
    await look(v);
    await page.locator("[data-act=replay]").click(); // fails again: from now on, only a person sends the dead letter
    await page.locator("dialog#replay").getByRole("button", { name: "Send back" }).click();
    await until("the replay has failed", async () => {
      await page.reload();
      return (await page.locator("#state").textContent()).includes("sent back 1 time");
    });
    const created = await send(usher, "user.created", who);
    await page.goto(`/console/user?id=${who.user_id}`);
    await historyEnds(page, created, vendors, "done");

    await openLetter(page, event);
    await preview(page, /would call the vendor/);
    await page.locator("[data-act=replay]").click();
    await look(v);
    await page.locator("dialog#replay").getByLabel("Why").fill("they are known now");
    await control(stands, "lead", "down"); // so that the replay is visible for long enough
    await page.locator("dialog#replay").getByRole("button", { name: "Send back" }).click();
    await page.locator("[data-notice]").waitFor();
    assert.equal(await page.locator("#state").getAttribute("data-state"), "replaying");
    await mark(page);
    await look(v);
    await control(stands, "lead", "ok");
    await until("the page says that it is gone", async () => (await page.locator("#state").getAttribute("data-state")) === "gone");
    assert.ok(await unloaded(page), "the page was loaded anew");
    await look(v);
    const gone = page.url();
    assert.match(gone, /replayed=1/);
    assert.equal((await page.goto(gone)).status(), 200, "a replay that ends at once is shown as a fault");
    await page.goto(`/console/dead?text=${event}`);
    assert.equal(await page.locator("#letters tr").count(), 0);
    assert.match(await page.locator("#tally").textContent(), /^0 dead letters/);
    await look(v);
    await page.goto(`/console/user?id=${who.user_id}`);
    await historyEnds(page, event, ["lead"], "done");
    assert.ok((await page.locator(`#history li[data-event="${event}"] [data-at=lead]`).count()) > 1, "the runs before the replay are missing");
    assert.deepEqual(await courses(who), ["12"]);
    assert.match(await audited(page, "usher.dead.replayed"), /operator.*replayed.*lead.*they are known now/);
  });

  it("sees a dead letter leave by itself once the user is there", async () => {
    const { who, event } = await early("alone");
    await openLetter(page, event);
    await send(usher, "user.created", who);
    await until("the dead letter is gone", async () => {
      await page.goto(`/console/dead?text=${event}`);
      return (await page.locator("#letters tr").count()) === 0;
    });
    await page.goto(`/console/user?id=${who.user_id}`);
    await historyEnds(page, event, ["lead"], "done");
  });

  it("selects a cause for a dry run, sends the same back, and follows the replays to their ends", async () => {
    const two = [await early("group"), await early("group")];
    for (const { event } of two) await deadRow(page, event);
    await page.goto("/console/dead?vendor=lead&class=prerequisite");
    await look(v);
    await page.locator("#groups tr[data-cause='prerequisite:enrollment.requested'] a").click();
    await page.locator("#cause").waitFor();
    assert.ok(await page.locator("#all").isChecked());
    await look(v);
    await page.locator("button[data-act=preview]").click();
    await page.locator("main[data-page=actions]").waitFor();
    const shown = await page.locator("li[data-done=ok]").count();
    assert.ok(shown >= 2);
    await look(v);
    await page.locator("button[data-act=replay]").click();
    await look(v);
    await page.locator("dialog#replay").getByLabel("Why").fill("to see them fail again");
    await page.locator("dialog#replay").getByRole("button", { name: "Send back" }).click();
    await page.locator("#follow").waitFor();
    await look(v);
    await mark(page);
    await until("the replays have ended", async () => (await page.locator("#follow").getAttribute("data-open")) === "0");
    assert.equal(await page.locator("#follow").getAttribute("data-failed"), String(shown));
    assert.ok(await unloaded(page), "the page was loaded anew");
    await look(v);
    for (const { who } of two) await send(usher, "user.created", who);
    await page.goto("/console/dead?cause=prerequisite%3Aenrollment.requested");
    await page.locator("button[data-act=drop]").click();
    await page.locator("dialog#drop").getByLabel("Why").fill("a test");
    await page.locator("dialog#drop").getByRole("button", { name: "Drop" }).click();
    await page.locator("main[data-page=actions]").waitFor();
  });

  it("drops a dead letter, but not without a reason", async () => {
    const { event } = await early("drop");
    await openLetter(page, event);
    const at = page.url();
    await page.locator("[data-act=drop]").click();
    const dialog = page.locator("dialog#drop");
    await dialog.getByRole("button", { name: "Drop" }).click();
    assert.ok(await dialog.getByLabel("Why").evaluate((e) => e.matches(":focus:invalid")), "nothing asks for the reason");
    assert.equal(page.url(), at);
    assert.equal((await page.request.post(at, { form: { ...(await formOf(page)), do: "drop", reason: " " } })).status(), 422);
    await look(v);
    await dialog.getByLabel("Why").fill("asked for by mistake");
    await dialog.getByRole("button", { name: "Drop" }).click();
    await page.locator("main[data-page=dead] [data-notice]").waitFor();
    await look(v);
    await page.goto(at);
    await meant(v, /^answered: GET \/console\/dead\/.*: 404/);
    assert.equal(await page.locator("#state").getAttribute("data-state"), "gone");
    await look(v);
    assert.match(await audited(page, "usher.dead.dropped"), /operator.*dropped.*lead.*asked for by mistake/);
    await look(v);
  });

  it("selects several dead letters for a dry run and for dropping", async () => {
    const two = [await early("several"), await early("several")];
    for (const { event } of two) await deadRow(page, event);
    await page.goto("/console/dead?vendor=lead&class=prerequisite");
    for (const { event } of two) await page.locator("#letters tr", { hasText: event }).locator("[name=letter]").check();
    await page.locator("button[data-act=preview]").click();
    await page.locator("main[data-page=actions]").waitFor();
    assert.equal(await page.locator("li[data-done=ok]").count(), 2);
    await look(v);
    await page.goBack();
    for (const { event } of two) await page.locator("#letters tr", { hasText: event }).locator("[name=letter]").check();
    await page.locator("button[data-act=drop]").click();
    await page.locator("dialog#drop").getByRole("button", { name: "Drop" }).click();
    await page.locator("main[data-page=refused]").waitFor();
    await meant(v, /^answered: POST \/console\/dead: 422/);
    await look(v);
    await page.goto("/console/dead?vendor=lead&class=prerequisite");
    for (const { event } of two) await page.locator("#letters tr", { hasText: event }).locator("[name=letter]").check();
    await page.locator("button[data-act=drop]").click();
    await page.locator("dialog#drop").getByLabel("Why").fill("none of them was meant");
    await page.keyboard.press("Enter");
    await page.locator("main[data-page=actions]").waitFor();
    assert.equal(await page.locator("li[data-done=ok]").count(), 2);
  });

  it("finds the history of a user with the keyboard alone", async () => {
    const who = person("history");
    const event = await send(usher, "user.created", who);
    await page.goto("/console/");
    await tabTo(page, ".skip");
    await tabTo(page, "nav a[href='/console/user']");
    await page.keyboard.press("Enter");
    await page.locator("main[data-page=user]").waitFor();
    await tabTo(page, "#id");
    await page.keyboard.type(who.user_id);
    await page.keyboard.press("Enter");
    await page.locator("#history").waitFor();
    await mark(page);
    await historyEnds(page, event, vendors, "done");
    assert.equal(await page.locator("#accounts tr[data-state=active]").count(), vendors.length);
    assert.ok(await unloaded(page), "the page was loaded anew");
    await tabTo(page, "main button");
    await look(v);
    await page.goto("/console/user?id=nobody-at-all");
    assert.match(await page.locator("main").textContent(), /Nothing is known of this user/);
    await meant(v, /^answered: GET \/console\/user: 404/);
    await look(v);
  });

  it("sends a test event, and watches the effects to the end", async () => {
    const who = person("test");
    await page.goto("/console/");
    await page.getByRole("link", { name: "Send", exact: true }).click();
    await page.getByRole("link", { name: "user.created" }).click();
    await page.locator('[name="data.user_id"]').fill(who.user_id);
    await page.locator('[name="data.email"]').fill("not an address");
    await page.getByRole("button", { name: "Send user.created" }).click();
    await page.locator("[data-wrong=email]").waitFor();
    await meant(v, /^answered: POST \/console\/send: 422/);
    await beside(page, "email");
    assert.equal(await page.locator('[name="data.user_id"]').inputValue(), who.user_id);
    await look(v);
    await page.locator('[name="data.email"]').fill(who.email);
    await page.getByRole("button", { name: "Send user.created" }).click();
    const event = await page.locator("[data-sent]").getAttribute("data-sent");
    await look(v);
    await page.getByRole("link", { name: "Watch what comes of it" }).click();
    await page.locator("main[data-page=user]").waitFor();
    await mark(page);
    await historyEnds(page, event, vendors, "done");
    assert.ok(await unloaded(page), "the page was loaded anew");
    await look(v);
  });

  it("previews an event and a user, and runs the user again", async () => {
    const who = person("again");
    const event = await send(usher, "user.created", who);
    await page.goto(`/console/user?id=${who.user_id}`);
    await page.locator("#history").waitFor();
    await historyEnds(page, event, vendors, "done");
    await page.getByRole("link", { name: "Preview an event" }).click();
    await page.locator("main[data-page=send]").waitFor();
    assert.equal(await page.locator('[name="data.user_id"]').inputValue(), who.user_id);
    await page.locator('[name="data.email"]').fill(who.email);
    await page.getByRole("button", { name: "Preview only" }).click();
    await page.locator("#previews").waitFor();
    assert.equal(await page.locator("#previews [data-would=update]").count(), vendors.length);
    assert.ok(!(await page.locator("#previews").textContent()).includes(who.email), "an e-mail is shown");
    await look(v);
    await page.goto(`/console/user?id=${who.user_id}`);
    await look(v);
    await page.getByRole("button", { name: "Run again" }).click();
    await page.locator("main[data-page=resync] #previews").waitFor();
    assert.equal(await page.locator("#previews [data-would=update]").count(), vendors.length);
    await look(v);
    await page.getByLabel("Why").fill("changed by hand");
    await page.getByRole("button", { name: "Run again" }).click();
    await page.locator(`[data-resynced="${vendors.length}"]`).waitFor();
    await look(v);
    assert.match(await audited(page, "usher.user.resynced"), /changed by hand/);
  });

  it("pauses and resumes a vendor, shown to all sessions", async () => {
    const other = await visit(browser, usher.url, { viewport });
    await login(other, tokens.reader);
    await page.goto("/console/");
    const card = page.locator("article[data-vendor=magloft]");
    await until("magloft serves", async () => (await stateOf(page, "magloft")) === "serving");
    await card.locator("[data-do=pause]").click();
    await look(v);
    await page.locator("dialog#pause-magloft").getByLabel("Why").fill("they mend something");
    await page.locator("dialog#pause-magloft").getByRole("button", { name: "Pause magloft" }).click();
    assert.match(await page.locator("[data-notice]").textContent(), /magloft was paused/);
    for (const one of [page, other.page]) await until("magloft is paused", async () => (await stateOf(one, "magloft")) === "paused");
    await until("it is said", async () => (await texts(other.page, "#said"))[0].includes("magloft is paused"));
    await look(v);

    const who = person("paused");
    const event = await send(usher, "user.created", who);
    const waits = await visit(browser, usher.url, { viewport });
    await login(waits, tokens.reader);
    const rest = vendors.filter((vendor) => vendor !== "magloft");
    await until("the other vendors are done", async () => {
      await waits.page.goto(`/console/user?id=${who.user_id}`);
      return (await waits.page.locator("#history [data-state=done]").count()) === rest.length;
    });
    await historyEnds(waits.page, event, rest, "done", "magloft waiting");

    await page.goto("/console/");
    await card.locator("[data-do=resume]").click();
    await page.locator("dialog#resume-magloft").getByRole("button", { name: "Resume magloft" }).click();
    assert.match(await page.locator("[data-notice]").textContent(), /magloft was resumed/);
    await until("magloft serves again", async () => (await stateOf(other.page, "magloft")) === "serving");
    await until("magloft is done too", async () => {
      await waits.page.goto(`/console/user?id=${who.user_id}`);
      return (await waits.page.locator("#history [data-state=done]").count()) === vendors.length;
    });
    assert.match(await audited(page, "usher.vendor.paused"), /operator.*paused.*magloft.*they mend something/);
    for (const one of [other, waits]) {
      sound(one);
      await one.context.close();
    }
  });

  it("filters the feed", async () => {
    const who = person("feed");
    await page.goto("/console/feed");
    const created = await send(usher, "user.created", who);
    const rows = (event) => page.locator(`#feed-rows tr[data-event="${event}"]`).evaluateAll((list) => list.map((e) => `${e.dataset.vendor} ${e.dataset.outcome}`));
    await until("all five effects are there", async () => (await rows(created)).sort().join() === vendors.map((vendor) => `${vendor} done`).join());
    await look(v);
    await page.getByLabel("Vendor").selectOption("lead");
    await page.waitForURL(/vendor=lead/);
    await until("LEAD's alone is there", async () => (await rows(created)).join() === "lead done");
    await page.getByLabel("Outcome").selectOption("failed");
    await page.waitForURL(/outcome=failed/);
    const { event } = await early("feed");
    await until("what failed is there", async () => (await rows(event)).join() === "lead failed");
    const shown = page.locator("#feed-rows tr");
    assert.deepEqual(new Set(await shown.evaluateAll((list) => list.map((e) => `${e.dataset.vendor} ${e.dataset.outcome}`))), new Set(["lead failed"]));
    await look(v);
  });
});

// preview presses the dry run, and waits for the outcome.
async function preview(page, says) {
  await page.locator("button[data-act=preview]").click();
  await until("the dry run is shown", async () => says.test((await texts(page, "#preview"))[0] ?? ""));
}

// beside asserts that a field is marked as wrong, with the message next to the field.
async function beside(page, name) {
  const input = page.locator(`[name="data.${name}"]`);
  const message = page.locator(`[data-wrong=${name}]`);
  assert.equal(await input.getAttribute("aria-invalid"), "true");
  assert.ok((await input.getAttribute("aria-describedby")).split(" ").includes(await message.getAttribute("id")));
  const [at, shown] = [await input.boundingBox(), await message.boundingBox()];
  assert.ok(shown.y >= at.y && shown.y - (at.y + at.height) < 24 && Math.abs(shown.x - at.x) < 24, "the message is not beside its field");
}

describe("a form without the token of the session", () => {
  it("is rejected in the session of an operator", async () => {
    const v = await visit(browser, usher.url);
    await login(v, tokens.operator);
    const res = await v.page.request.post("/console/vendors/lead/pause", { form: { for: "1h" } });
    assert.equal(res.status(), 403);
    const form = { ...(await formOf(v.page)), for: "1h" };
    const foreign = await v.page.request.post("/console/vendors/lead/pause", { form, headers: { origin: "http://elsewhere.example.org" } });
    assert.equal(foreign.status(), 403);
    assert.equal(await stateOf(v.page, "lead"), "serving");
    await v.context.close();
  });
});
