// The console of a demo, which is open, while its events are at work. The pictures
// are made of it too.

import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { launch, look, mark, sizes, texts, unloaded, visit } from "./browser.mjs";
import { demo, send, stopAll, until } from "./world.mjs";

const vendors = ["lead", "magloft", "meiro", "miestro", "usermost"];
const endless = 50_000; // events of a demo that is not over before it has been looked at, however slow the browser
const pictured = process.env.UPDATE ? 5000 : 1000; // of the demo in the pictures

let browser, usher;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

// plays has a demo of so many events run beside the tests of a suite.
function plays(events) {
  before(async () => {
    usher = await demo(events);
  });
  after(stopAll);
}

describe("while the demo runs", () => {
  plays(endless);

  for (const [size, viewport] of Object.entries(sizes)) {
    it(`the overview lives, ${size}`, async () => {
      const v = await visit(browser, usher.url, { viewport });
      await v.page.goto("/console/");
      await mark(v.page);
      assert.deepEqual((await cards(v.page)).map(({ vendor }) => vendor).sort(), vendors);
      await until("every vendor serves", async () => (await cards(v.page)).every(({ state }) => state === "serving"));
      const first = await cards(v.page);
      await until("the numbers of every card are others", async () => same(await cards(v.page), first).length === 0);
      await until("every chart is drawn", async () => (await drawn(v.page)).every((n) => n > 200));
      const before = await charts(v.page);
      await until("every chart goes on", async () => (await charts(v.page)).every((c, i) => c !== before[i]));
      assert.ok(await unloaded(v.page), "the page was loaded anew");
      assert.equal(await v.page.locator("#lost").isVisible(), false);
      await look(v);
      await v.context.close();
    });

    it(`the feed shows what comes, and stops when it is told to, ${size}`, async () => {
      const v = await visit(browser, usher.url, { viewport });
      await v.page.goto("/console/feed");
      const first = await newest(v.page);
      await until("new rows come", async () => (await newest(v.page)) !== first);
      await v.page.locator("[data-do=still]").click();
      await v.page.locator("[data-do=live]").waitFor();
      const still = await newest(v.page);
      await mark(v.page);
      await elsewhere(v, async (other) => {
        const then = await newest(other);
        await until("new rows come elsewhere", async () => ![then, still].includes(await newest(other)));
      });
      assert.equal(await newest(v.page), still, "the feed goes on though it is stopped");
      await look(v);
      await v.page.locator("[data-do=live]").click();
      await until("new rows come again", async () => (await newest(v.page)) !== still);
      assert.ok((await v.page.locator("#feed-rows tr").count()) <= 200);
      await v.context.close();
    });
  }
});

// cards is what the cards of the overview say.
const cards = (page) =>
  page.locator("article[data-vendor]").evaluateAll((list) =>
    list.map((e) => ({
      vendor: e.dataset.vendor,
      state: e.dataset.state,
      facts: Array.from(e.querySelectorAll(".legend, [data-fact]"), (f) => f.textContent).join(" "),
    })),
  );

// same is the cards that say what they said at first.
const same = (now, first) => now.filter((c, i) => c.facts === first[i].facts);

// charts is the picture of every chart; drawn is how many of its points have colour.
const charts = (page) => page.locator("[data-chart] canvas").evaluateAll((list) => list.map((c) => c.toDataURL()));
const drawn = (page) =>
  page.locator("[data-chart]").evaluateAll((list) =>
    list.map((e) => {
      const c = e.querySelector("canvas");
      return c ? c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((n, i) => i % 4 === 3 && n > 0).length : 0;
    }),
  );

// newest is the first row of the feed.
const newest = async (page) => (await texts(page, "#feed-rows tr[data-row]:first-child"))[0];

// elsewhere does something with the same page in another tab.
async function elsewhere(v, does) {
  const other = await v.context.newPage();
  await other.goto("/console/feed");
  await does(other);
  await other.close();
}

// ---- pictures ----

// They are kept where UPDATE says so, else they are there to be looked at.
const images = process.env.UPDATE ? fileURLToPath(new URL("../../docs/images", import.meta.url)) : join(tmpdir(), "usher-console-images");
const largest = 200_000; // bytes of a picture
const points = process.env.UPDATE ? 4 : 1; // of a chart, for the overview to be worth a picture

// picture takes one of the page as it stands.
async function picture({ page }, name) {
  const file = join(images, `${name}.png`);
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(0, 0);
  await page.screenshot({ path: file, animations: "disabled" });
  assert.ok(statSync(file).size < largest, `${file} has ${statSync(file).size} bytes`);
}

describe("pictures", () => {
  plays(pictured);

  let v;

  before(async () => {
    mkdirSync(images, { recursive: true });
    v = await visit(browser, usher.url);
  });

  it("of the overview", async (t) => {
    t.diagnostic(`the pictures are in ${images}`);
    await v.page.goto("/console/");
    await until("the charts have something to show", async () => over() || (await charted(v.page)));
    await until("all vendors serve", async () => (await cards(v.page)).filter(({ state }) => state === "serving").length === vendors.length);
    for (const scheme of ["light", "dark"]) {
      await v.page.emulateMedia({ colorScheme: scheme });
      await picture(v, `overview-${scheme}`);
    }
    await v.page.emulateMedia({ colorScheme: "light" });
    await v.page.setViewportSize(sizes["360 px"]);
    await v.page.goto("/console/");
    await until("the charts are drawn", async () => (await drawn(v.page)).every((n) => n > 200));
    await picture(v, "overview-360");
    await v.page.setViewportSize(sizes["1280 px"]);
  });

  it("of the form to send an event, and of the story", async () => {
    await until("the demo is over, with nothing lost", over);
    await v.page.goto("/console/send?type=user.created");
    for (const [name, value] of Object.entries(ada)) await v.page.locator(`[name="data.${name}"]`).fill(value);
    await picture(v, "send");
    await v.page.getByRole("button", { name: "Send user.created" }).click();
    await v.page.getByRole("link", { name: "Watch what comes of it" }).click();
    await until("all is done", async () => (await v.page.locator("#story [data-at][data-state=done]").count()) === vendors.length);
    await send(usher, "enrollment.requested", { user_id: "ada", email: ada.email, course_id: "algebra", vendor: "miestro" });
    await send(usher, "enrollment.requested", { user_id: "ada", email: ada.email, course_id: "999", vendor: "lead" });
    await v.page.goto("/console/user?id=ada");
    await v.page.locator("[data-at=lead][data-state=failed]").waitFor();
    await until("the rest is done", async () => (await texts(v.page, "#tale > .unseen"))[0] === "All has ended.");
    await v.page.setViewportSize({ width: 1280, height: 1380 }); // down to the dead letter
    await picture(v, "story");
    await v.page.setViewportSize(sizes["1280 px"]);
  });

  it("of a dead letter", async () => {
    await v.page.locator("[data-at=lead][data-state=failed] a").click();
    await v.page.locator("button[data-deed=foresee]").click();
    await until("the dry run is told", async () => (await texts(v.page, "#foreseen"))[0]);
    await picture(v, "dead-letter");
    await v.page.goto("/console/dead");
    await look(v);
  });
});

const ada = { user_id: "ada", email: "ada@example.org", first_name: "Ada", last_name: "Lovelace", locale: "en-GB", time_zone: "Europe/London", attributes: '{"class": "7b"}' };

// over tells whether the demo has come to its end, with nothing lost.
const over = () => usher.text.includes("Nothing lost, nothing done twice.");

// charted tells whether every chart has points that are not zero.
const charted = (page) =>
  page.locator("#charts").evaluate((e, n) => Object.values(JSON.parse(e.dataset.charts)).every((c) => c.well.filter(Boolean).length >= n), points);
