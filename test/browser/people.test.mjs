// Tests the pages of a user and of an event, the search for a user by e-mail, the feed of a course, and
// local times, in a wide and in a narrow window; and what a reader sees of all pages.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";

import { asOperator, launch, login, look, mark, meant, sizes, sound, tabTo, unloaded, vendors, visit } from "./browser.mjs";
import { dir, freeAddress, person, ready, sandbox, send, serve, stopAll, tokens, until } from "./world.mjs";

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

// find searches a user in the form of the page Users.
async function find(page, text) {
  await page.goto("/console/user");
  await page.getByLabel("User id or e-mail").fill(text);
  await page.getByRole("button", { name: "Show the user" }).click();
}

// found waits until the e-mail leads to an answer.
const found = (page, email, what, check) =>
  until(what, async () => {
    await find(page, email);
    return check();
  });

// ended creates a user, and waits until each vendor is done.
async function ended(page, who) {
  const event = await send(usher, "user.created", who);
  await until("all vendors are done", async () => {
    await page.goto(`/console/user?id=${who.user_id}`);
    return (await page.locator("#vendors tr[data-user-state=done]").count()) === vendors.length;
  });
  return event;
}

// forgiveSearch removes the answers 404 of searches before the first answer.
const forgiveSearch = (v) => v.faults.splice(0, Infinity, ...v.faults.filter((f) => !/^answered: (POST|GET) \/console\/user(\/find)?: 404/.test(f)));

asOperator(() => ({ browser, url: usher.url }), (v) => {
  let page;

  before(() => (page = v.page));

  it("finds a user by the e-mail, with a line for each vendor", async () => {
    const who = person("mail");
    await ended(page, who);
    await found(page, who.email, "the e-mail is known", () => page.locator("#vendors").count());
    forgiveSearch(v);
    assert.ok(!page.url().includes("@") && !page.url().includes("example.org"), "the e-mail is in the address of the page");
    assert.match(page.url(), new RegExp(`id=${who.user_id}$`));
    const lines = await page.locator("#vendors tbody tr").evaluateAll((list) => list.map((e) => `${e.dataset.vendor} ${e.dataset.userState}`));
    assert.deepEqual(lines.sort(), vendors.map((name) => `${name} done`));
    await look(v);
  });

  it("lists several users with one e-mail", async () => {
    const two = [person("same"), person("same")];
    for (const who of two) await send(usher, "user.created", { ...who, email: two[0].email });
    await found(page, two[0].email, "both are listed", async () => (await page.locator("#same li").count()) === 2);
    forgiveSearch(v);
    await look(v);
    await page.locator("#same a", { hasText: two[1].user_id }).click();
    await page.waitForURL(new RegExp(`id=${two[1].user_id}`));
  });

  it("says that nobody has an e-mail", async () => {
    await find(page, "nobody@example.org");
    await meant(v, /^answered: POST \/console\/user\/find: 404/);
    assert.match(await page.locator("[data-nobody]").textContent(), /No user with this e-mail is known/);
    assert.ok(!(await page.content()).includes("nobody@"), "the e-mail is shown");
    await look(v);
  });

  it("opens the timeline and an event by the keyboard, and previews such an event", async () => {
    const who = person("event");
    const id = await ended(page, who);
    await tabTo(page, "#timeline summary");
    await page.keyboard.press("Enter");
    await page.locator("#timeline tr[data-step=call]").first().waitFor();
    const steps = await page.locator("#timeline tbody tr").evaluateAll((list) => list.map((e) => e.dataset.step));
    assert.deepEqual(new Set(steps), new Set(["event", "look-up", "call", "result"]));
    await look(v);
    await page.locator(`#history li[data-event="${id}"] .meta a`).click();
    await page.locator(`[data-event="${id}"]`).waitFor();
    assert.equal(await page.locator("[data-outcomes] tr[data-state=done]").count(), vendors.length);
    const payload = await page.locator("[data-payload]").textContent();
    assert.match(payload, /e…@example\.org/);
    assert.ok(!payload.includes(who.email), "the e-mail is shown");
    await look(v);
    await page.getByText("Hashes").click();
    await look(v);
    await page.getByRole("link", { name: "Preview such an event" }).click();
    await page.locator("main[data-page=send]").waitFor();
    assert.equal(await page.locator('[name="data.user_id"]').inputValue(), who.user_id);
  });

  it("searches an event by its id, and says if there is none", async () => {
    const id = await ended(page, person("search"));
    await page.goto("/console/event");
    await look(v);
    await page.getByLabel("Id of the event").fill(id);
    await page.keyboard.press("Enter");
    await page.locator(`[data-event="${id}"]`).waitFor();
    await page.goto("/console/event?id=none");
    await meant(v, /^answered: GET \/console\/event: 404/);
    assert.match(await page.locator("[data-nobody]").textContent(), /events? were read/);
    await look(v);
  });

  it("follows a user to the end, from the preview of a departure to the deletion", async () => {
    const who = person("leave");
    await ended(page, who);
    await page.goto(`/console/send?type=user.deleted&id=${who.user_id}`);
    await page.getByRole("button", { name: "Preview only" }).click();
    await page.locator("#previews").waitFor();
    await look(v);
    assert.equal(await page.locator("#previews :is([data-would=delete], [data-would=disable], [data-would=unsupported])").count(), vendors.length);
    await page.getByRole("button", { name: "Send user.deleted" }).click();
    await page.getByRole("link", { name: "Watch what comes of it" }).click();
    await page.locator("main[data-page=user]").waitFor();
    await mark(page);
    await until("no account is left", async () => {
      const states = await page.locator("#accounts tr[data-state]").evaluateAll((rows) => rows.map((row) => row.dataset.state));
      assert.equal(states.length, vendors.length, states.join());
      assert.ok(!states.includes("active"), states.join());
      return true;
    });
    assert.ok(await unloaded(page), "the page was loaded anew");
    await look(v);
  });

  it("selects the feed by course", async () => {
    const who = person("course");
    await ended(page, who);
    await send(usher, "enrollment.requested", { user_id: who.user_id, course_id: "go-basics" });
    await until("the enrolment is in the feed of the course", async () => {
      await page.goto("/console/feed");
      await page.getByLabel("Course id").fill("go-basics");
      await page.keyboard.press("Enter");
      await page.waitForURL(/course=go-basics/);
      return (await page.locator("#feed-rows tr", { hasText: who.user_id }).count()) > 0;
    });
    const rows = await page.locator("#feed-rows tr").allTextContents();
    assert.ok(rows.every((text) => text.includes("course go-basics")), "the feed shows other effects");
    await look(v);
    await page.goto("/console/feed?course=unknown");
    assert.equal(await page.locator("#feed-rows tr").count(), 0);
  });

  it("pauses and resumes a vendor on its page", async () => {
    await page.goto("/console/vendors/magloft");
    await page.locator("[data-do=pause]").click();
    await page.locator("dialog#pause-magloft").getByLabel("Why").fill("a test");
    await look(v);
    await page.locator("dialog#pause-magloft").getByRole("button", { name: "Pause magloft" }).click();
    await page.locator("main[data-page=vendor] [data-notice]").waitFor();
    assert.match(await page.locator("h1").textContent(), /paused/);
    await look(v);
    await page.locator("[data-do=resume]").click();
    await page.locator("dialog#resume-magloft").getByRole("button", { name: "Resume magloft" }).click();
    await page.locator("main[data-page=vendor] [data-notice]").waitFor();
    assert.doesNotMatch(await page.locator("h1").textContent(), /paused/);
  });
});

// kolkata is half an hour from every whole hour of UTC, and has no summer time.
const kolkata = { name: "Asia/Kolkata", offset: (5 * 60 + 30) * 60_000 };

for (const [size, viewport] of Object.entries(sizes)) {
  describe(`times, ${size}`, () => {
    let v, page, who;

    before(async () => {
      v = await visit(browser, usher.url, { viewport, timezoneId: kolkata.name });
      page = v.page;
      await login(v, tokens.operator);
      who = person("zone");
      await ended(page, who);
    });

    afterEach(() => sound(v));
    after(() => v.context.close());

    // local returns a moment as the pages show it to a person in Kolkata.
    const local = (iso) => new Date(Date.parse(iso) + kolkata.offset).toISOString().slice(0, 19).replace("T", " ");

    it("are local, with UTC as a title", async () => {
      for (const path of ["feed", `user?id=${who.user_id}`, "audit", "dead", "vendors/lead"]) {
        await page.goto(`/console/${path}`);
        const times = await page.locator("time").evaluateAll((list) => list.map((e) => [e.dateTime, e.title, (e.querySelector("small") ?? e).textContent]));
        if (path === "feed" || path.startsWith("user")) assert.ok(times.length > 0, `${path} has no time`);
        for (const [iso, title, text] of times) {
          assert.equal(title, iso.replace("T", " ").replace("Z", " UTC"), path);
          assert.ok(text === local(iso) || text === local(iso).slice(11), `${path}: got ${text} for ${iso}`);
        }
        assert.match(await page.locator("#zone").textContent(), /local \(Asia\/(Kolkata|Calcutta)\)/);
      }
      await look(v);
    });

    it("are local in parts that arrive later", async () => {
      await page.goto("/console/feed");
      const event = await send(usher, "user.updated", who);
      const row = page.locator(`#feed-rows tr[data-event="${event}"] time`).first();
      await row.waitFor();
      assert.equal(await row.textContent(), local(await row.getAttribute("datetime")).slice(11));
    });

    it("of a filter are local, and reach usher as UTC", async () => {
      await page.goto(`/console/feed?user=${who.user_id}&since=2026-03-01T20:00&until=2099-01-01T00:00`);
      assert.equal(await page.getByLabel("From").inputValue(), "2026-03-02T01:30");
      await page.getByLabel("From").fill("2026-03-02T02:30");
      await page.getByRole("button", { name: "Show" }).click();
      await page.waitForURL(/since=2026-03-01T21%3A00/);
      assert.match(page.url(), /until=2099-01-01T00%3A00/);
      assert.equal(await page.getByLabel("From").inputValue(), "2026-03-02T02:30");
      await look(v);
    });
  });
}

for (const [size, viewport] of Object.entries(sizes)) {
  it(`a reader sees all pages without an action or an e-mail, ${size}`, async () => {
    const v = await visit(browser, usher.url, { viewport });
    await login(v, tokens.reader);
    const { page } = v;
    const who = person("reader");
    const id = await ended(page, who);
    const acts = "[data-do=pause], [data-do=resume], [data-do=check], [data-act], dialog, a[href*='/send']";
    const pages = ["", "feed?course=go-basics", `user?id=${who.user_id}`, `event?id=${id}&user=${who.user_id}`, "dead", "vendors/lead", "deletions", "configuration?all=1", "audit"];
    for (const path of pages) {
      await page.goto(`/console/${path}`);
      await page.locator("h1").waitFor();
      assert.equal(await page.locator(acts).count(), 0, path);
      assert.ok(!(await page.content()).includes(who.email), `${path} has an e-mail`);
      await look(v);
    }
    await v.context.close();
  });
}
