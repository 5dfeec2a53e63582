// Tests the main path through the console: watch a demo to the end, send an event by the form, read the
// history of a user and a dead letter. The test takes the pictures of docs/images.

import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { cards, drawn, launch, look, sizes, texts, vendors, visit } from "./browser.mjs";
import { demo, send, stopAll, until } from "./world.mjs";

const pictured = process.env.UPDATE ? 5000 : 1000; // events of the demo in the pictures

let browser, usher;

before(async () => {
  [browser, usher] = await Promise.all([launch(), demo(pictured)]);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

// With UPDATE the pictures go to docs/images, otherwise to a temporary directory.
const images = process.env.UPDATE ? fileURLToPath(new URL("../../docs/images", import.meta.url)) : join(tmpdir(), "usher-console-images");
const largest = 200_000; // bytes per picture
const points = process.env.UPDATE ? 4 : 1; // points of a chart before the picture of the overview

// picture takes a picture of the present page.
async function picture({ page }, name) {
  const file = join(images, `${name}.png`);
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(0, 0);
  await page.screenshot({ path: file, animations: "disabled" });
  assert.ok(statSync(file).size < largest, `${file} has ${statSync(file).size} bytes`);
}

// narrow takes a picture of the present page in a narrow window, in the color schemes; a file for each
// scheme but light has its name.
async function narrow(v, name, schemes = ["light", "dark"]) {
  await v.page.setViewportSize(sizes["390 px"]);
  for (const scheme of schemes) {
    await v.page.emulateMedia({ colorScheme: scheme });
    await picture(v, `${name}-390${scheme === "light" ? "" : `-${scheme}`}`);
  }
  await v.page.emulateMedia({ colorScheme: "light" });
  await v.page.setViewportSize(sizes["1280 px"]);
}

describe("pictures", () => {
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
    await v.page.setViewportSize(sizes["390 px"]);
    await v.page.goto("/console/");
    await until("the charts are drawn", async () => (await drawn(v.page)).every((n) => n > 200));
    await narrow(v, "overview");
  });

  it("of a vendor", async () => {
    await until("the results are counted", async () => {
      await v.page.goto("/console/vendors/lead");
      return /\d/.test(await v.page.locator("[data-fact=ended]").textContent());
    });
    await until("the chart is drawn", async () => (await drawn(v.page)).every((n) => n > 200));
    await picture(v, "vendor");
    await narrow(v, "vendor");
    await look(v);
    await v.page.goto("/console/feed");
    await v.page.locator("#feed-rows tr").first().waitFor();
    await narrow(v, "feed");
    for (const page of ["configuration", "audit", "deletions"]) {
      await v.page.goto(`/console/${page}`);
      await look(v);
    }
  });

  it("of the form to send an event, and of the history", async () => {
    await until("the demo is over, with nothing lost", over);
    await v.page.goto("/console/send?type=user.created");
    for (const [name, value] of Object.entries(ada)) await v.page.locator(`[name="data.${name}"]`).fill(value);
    await picture(v, "send");
    await narrow(v, "send");
    await v.page.getByRole("button", { name: "Send user.created" }).click();
    await v.page.getByRole("link", { name: "Watch what comes of it" }).click();
    await until("all is done", async () => (await v.page.locator("#history [data-at][data-state=done]").count()) === vendors.length);
    await send(usher, "enrollment.requested", { user_id: "ada", email: ada.email, course_id: "algebra", vendor: "miestro" });
    await send(usher, "enrollment.requested", { user_id: "ada", email: ada.email, course_id: "999", vendor: "lead" });
    await v.page.goto("/console/user?id=ada");
    await v.page.locator("[data-at=lead][data-state=failed]").waitFor();
    await until("the rest is done", async () => (await texts(v.page, "#user-history > .unseen"))[0] === "All has ended.");
    await v.page.setViewportSize({ width: 1280, height: 1380 }); // down to the dead letter
    await picture(v, "user");
    await narrow(v, "user");
  });

  it("of a dead letter", async () => {
    await v.page.locator("[data-at=lead][data-state=failed] a").click();
    await v.page.locator("button[data-act=preview]").click();
    await until("the dry run is shown", async () => (await texts(v.page, "#preview"))[0]);
    await picture(v, "dead-letter");
    await narrow(v, "dead-letter");
    await v.page.goto("/console/dead");
    await narrow(v, "dead");
    await look(v);
  });
});

const ada = { user_id: "ada", email: "ada@example.org", first_name: "Ada", last_name: "Lovelace", locale: "en-GB", time_zone: "Europe/London", attributes: '{"class": "7b"}' };

// over returns whether the demo has ended without loss.
const over = () => usher.text.includes("Nothing lost, nothing done twice.");

// charted returns whether every chart has points above zero.
const charted = (page) =>
  page.locator("#charts").evaluate((e, n) => Object.values(JSON.parse(e.dataset.charts)).every((c) => c.well.filter(Boolean).length >= n), points);
