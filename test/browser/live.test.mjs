// Tests the console during a running demo.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { cards, drawn, launch, look, mark, sizes, texts, unloaded, vendors, visit } from "./browser.mjs";
import { demo, stopAll, until } from "./world.mjs";

const endless = 50_000; // events of a demo that outlasts the test, however slow the browser

let browser, usher;

describe("while the demo runs", () => {
  before(async () => {
    [browser, usher] = await Promise.all([launch(), demo(endless)]);
  });
  after(async () => {
    await browser?.close();
    await stopAll();
  });

  for (const [size, viewport] of Object.entries(sizes)) {
    it(`the overview updates, ${size}`, async () => {
      const v = await visit(browser, usher.url, { viewport });
      await v.page.goto("/console/");
      await mark(v.page);
      await until("every vendor serves", async () => {
        const shown = await cards(v.page); // at first perhaps none: the demo begins
        return shown.length === vendors.length && shown.every(({ state }) => state === "serving");
      });
      assert.deepEqual((await cards(v.page)).map(({ vendor }) => vendor).sort(), vendors);
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

    it(`the feed shows new effects, and can be stopped, ${size}`, async () => {
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

// same returns the unchanged cards.
const same = (now, first) => now.filter((c, i) => c.facts === first[i].facts);

// charts returns the picture of every chart.
const charts = (page) => page.locator("[data-chart] canvas").evaluateAll((list) => list.map((c) => c.toDataURL()));

// newest returns the first row of the feed.
const newest = async (page) => (await texts(page, "#feed-rows tr[data-row]:first-child"))[0];

// elsewhere runs a function with the same page in another tab.
async function elsewhere(v, does) {
  const other = await v.context.newPage();
  await other.goto("/console/feed");
  await does(other);
  await other.close();
}
