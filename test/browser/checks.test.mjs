// Tests that the checks of every page detect faults: each check gets a page of the console with one
// inserted fault.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { axeFaults, focusFault, launch, look, sizes, visit, wide } from "./browser.mjs";
import { demo, stopAll, until } from "./world.mjs";

let browser, usher;

before(async () => {
  [browser, usher] = await Promise.all([launch(), demo(1)]);
});

after(async () => {
  await browser?.close();
  await stopAll();
});

// broken opens the console's search for users with inserted HTML. The headers, and so the policy, stay.
async function broken(html, viewport = sizes["1280 px"]) {
  const v = await visit(browser, usher.url, { viewport });
  await v.context.route("**/console/user", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("</main>", `${html}</main>`) });
  });
  await v.page.goto("/console/user");
  return v;
}

describe("faults of a page are detected", () => {
  it("none in a page without faults", async () => {
    const v = await broken("<p>all is well</p>");
    await look(v);
    await v.context.close();
  });

  const faults = {
    "a style in an attribute": [`<p style="color: red">red</p>`, /^policy: style-src-attr/],
    "a style in the page": [`<style>p { color: red }</style>`, /^policy: style-src-elem/],
    "a script in the page": [`<script>window.ran = true</script>`, /^policy: script-src-elem/],
    "a script in an attribute": [`<img src="/console/none" alt="" onerror="window.ran = true">`, /^policy: script-src-attr/],
    "a picture from another host": [`<img src="http://elsewhere.example.org/a.png" alt="">`, /^policy: img-src/],
    "an address that there is not": [`<img src="/console/none" alt="">`, /^answered: GET \/console\/none: 404/],
    "a warning of htmx": [`<p hx-get="/console/none" hx-trigger="load" hx-target="#nowhere">x</p>`, /^console: /],
  };
  for (const [name, [html, pattern]] of Object.entries(faults)) {
    it(name, async () => {
      const v = await broken(html);
      await until(`there is ${pattern}`, () => v.faults.some((f) => pattern.test(f)));
      await assert.rejects(look(v), /what went wrong/);
      await v.context.close();
    });
  }

  it("a warning, and an uncaught error", async () => {
    const v = await broken("");
    await v.page.evaluate(() => {
      console.warn("mind the gap");
      setTimeout(() => { throw new Error("nobody catches it"); });
    });
    for (const pattern of [/^console: mind the gap/, /^uncaught: .*nobody catches it/]) await until(`there is ${pattern}`, () => v.faults.some((f) => pattern.test(f)));
    await v.context.close();
  });

  it("a failed request", async () => {
    const v = await broken("");
    await v.context.route("**/console/gone", (route) => route.abort("connectionrefused"));
    await v.page.evaluate(() => fetch("/console/gone").catch(() => {}));
    await until("it is noted", () => v.faults.some((f) => f.startsWith("failed: GET /console/gone")));
    await v.context.close();
  });

  it("findings of axe: a field without a name, a text with low contrast", async () => {
    const v = await broken(`<input type="text" id="nameless"><p id="faint">faint</p>`);
    await v.page.locator("#faint").evaluate((e) => { e.style.color = "#bbb"; });
    const found = (await axeFaults(v.page)).join("\n");
    assert.match(found, /label: #nameless/);
    assert.match(found, /color-contrast: #faint/);
    await assert.rejects(look(v), /axe at/);
    await v.context.close();
  });

  it("content wider than a narrow window, and cut-off content", async () => {
    const v = await broken(`<p id="long">${"unbroken".repeat(30)}</p><div id="box"><p>${"cut".repeat(60)}</p></div>`, sizes["390 px"]);
    await v.page.locator("#box").evaluate((e) => { e.style.overflow = "hidden"; });
    const found = (await wide(v.page)).join("\n");
    assert.match(found, /too wide: p#long/);
    assert.match(found, /cut off: div#box/);
    await v.context.close();
  });

  it("an invisible focus", async () => {
    const v = await broken(`<button id="plain">press</button>`);
    await v.page.locator("#plain").evaluate((e) => { e.style.outline = "none"; e.focus(); });
    assert.match(await focusFault(v.page), /does not show its focus/);
    await v.page.locator("#plain").evaluate((e) => { e.style.outline = ""; e.style.position = "absolute"; e.style.left = "-9999px"; });
    assert.match(await focusFault(v.page), /out of sight/);
    await v.context.close();
  });
});
