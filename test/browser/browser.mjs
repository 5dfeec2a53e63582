// A real Chromium, and what every page of the console is held against: nothing in
// the browser's console, nothing against the content security policy, no request
// that fails, no serious finding of axe, nothing that is wider than the window.

import assert from "node:assert/strict";

import axe from "axe-core";
import { chromium } from "playwright-core";

import { patience, until } from "./world.mjs";

export const sizes = { "1280 px": { width: 1280, height: 900 }, "360 px": { width: 360, height: 740 } };

// launch starts the browser that the Makefile has found.
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });

// visit opens a page with cookies of its own. What goes wrong in it is kept in
// faults.
export async function visit(browser, baseURL, { viewport = sizes["1280 px"], colorScheme = "light" } = {}) {
  const context = await browser.newContext({ baseURL, viewport, colorScheme, reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC" });
  context.setDefaultTimeout(patience);
  const faults = [];
  await watch(context, faults);
  return { context, page: await context.newPage(), faults };
}

// watch notes what goes wrong in all pages of a context.
async function watch(context, faults) {
  await context.exposeBinding("usherRefused", (_, text) => faults.push(`policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => {
      window.usherRefused(`${e.effectiveDirective} refused ${e.blockedURI} ${e.sample} at ${e.sourceFile}:${e.lineNumber}`);
    });
  });
  context.on("console", (m) => {
    // What is answered with an error is noted once, below.
    if (["error", "warning"].includes(m.type()) && !m.text().startsWith("Failed to load resource: the server responded")) {
      faults.push(`console: ${m.text()} at ${m.location().url}:${m.location().lineNumber}`);
    }
  });
  context.on("weberror", (e) => faults.push(`uncaught: ${e.error().stack ?? e.error()}`));
  context.on("requestfailed", (r) => {
    // The browser itself ends what it still asks for when a page is left.
    if (r.failure().errorText !== "net::ERR_ABORTED") faults.push(`failed: ${r.method()} ${path(r)}: ${r.failure().errorText}`);
  });
  context.on("response", (r) => {
    if (r.status() >= 400) faults.push(`answered: ${r.request().method()} ${path(r)}: ${r.status()}`);
  });
}

const path = (r) => new URL(r.url()).pathname;

// meant waits for a fault that is meant to be, and forgives it.
export async function meant(v, pattern) {
  await until(`there is ${pattern} among the faults`, () => v.faults.some((f) => pattern.test(f)));
  forgive(v, pattern);
}

// forgive forgets the faults so far that fit.
export const forgive = (v, pattern) => v.faults.splice(0, Infinity, ...v.faults.filter((f) => !pattern.test(f)));

// look holds the page as it stands against all that a page must be, in both schemes.
export async function look(v) {
  const { page } = v;
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await axeFaults(page), [], `axe at ${page.url()}, ${colorScheme}`);
  }
  assert.deepEqual(await wide(page), [], `what is too wide at ${page.url()}`);
  sound(v);
}

// sound says that nothing went wrong since it was asked last.
export const sound = (v) => assert.deepEqual(v.faults.splice(0), [], `what went wrong until ${v.page.url()}`);

// axeFaults is what axe finds that is serious or critical. The policy of the page is
// not loosened for that: what the debugger evaluates does not fall under it.
export async function axeFaults(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return grave.flatMap(({ id, nodes }) => nodes.map((n) => `${id}: ${n.target}: ${n.any[0]?.message ?? n.failureSummary}`));
}

// wide is what makes the page scroll sideways, and what is cut off at its side.
export function wide(page) {
  return page.evaluate(() => {
    const root = document.documentElement;
    const name = (e) => `${e.tagName.toLowerCase()}${e.id && "#" + e.id} ${e.className} “${e.textContent.trim().slice(0, 40)}”`;
    const all = Array.from(document.body.querySelectorAll("*:not(option)")).filter((e) => !e.closest(".unseen, thead") && e.checkVisibility());
    const cut = all.filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "hidden" && e.tagName !== "INPUT");
    const faults = cut.map((e) => `cut off: ${name(e)}`);
    if (root.scrollWidth > root.clientWidth) {
      const beyond = all.filter((e) => e.getBoundingClientRect().left + Math.max(e.offsetWidth, e.scrollWidth) > root.clientWidth + 0.5);
      faults.push(...[`${root.scrollWidth} px in ${root.clientWidth}`, ...beyond.map((e) => `too wide: ${name(e)}`)]);
    }
    return faults;
  });
}

// login logs in with a token.
export async function login(v, token) {
  await v.page.goto("/console/");
  await v.page.getByLabel("Token").fill(token);
  await v.page.getByRole("button", { name: "Log in" }).click();
  await v.page.locator("main[data-page=overview]").waitFor();
}

// mark leaves something in the page that is gone once it is loaded anew; unloaded
// tells whether it is still there.
export const mark = (page) => page.evaluate(() => void (window.usherMark = true));
export const unloaded = (page) => page.evaluate(() => window.usherMark === true);

// texts is the text of each element that fits, as it is now.
export const texts = (page, selector) => page.locator(selector).evaluateAll((list) => list.map((e) => e.textContent.trim()));

// tabTo goes on with the tab key alone until what is sought has the focus. Whatever
// has it on the way must show so.
export async function tabTo(page, selector) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    assert.equal(await focusFault(page), "");
    if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
  }
  assert.fail(`the tab key does not lead to ${selector}`);
}

// focusFault says why nobody could see where the focus is; empty if they can.
export function focusFault(page) {
  return page.evaluate(() => {
    const e = document.activeElement;
    const box = e.getBoundingClientRect();
    const style = getComputedStyle(e);
    const name = e.outerHTML.slice(0, 120);
    if (e === document.body) return "";
    if (box.width < 2 || box.height < 2) return `${name} has the focus and no size`;
    if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return `${name} has the focus out of sight`;
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return `${name} does not show its focus`;
    return "";
  });
}

export const vendors = ["lead", "magloft", "meiro", "miestro", "usermost"];

// cards is what the cards of the overview say.
export const cards = (page) =>
  page.locator("article[data-vendor]").evaluateAll((list) =>
    list.map((e) => ({
      vendor: e.dataset.vendor,
      state: e.dataset.state,
      facts: Array.from(e.querySelectorAll(".legend, [data-fact]"), (f) => f.textContent).join(" "),
    })),
  );

// drawn is how many points of each chart have colour.
export const drawn = (page) =>
  page.locator("[data-chart]").evaluateAll((list) =>
    list.map((e) => {
      const c = e.querySelector("canvas");
      return c ? c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((n, i) => i % 4 === 3 && n > 0).length : 0;
    }),
  );
