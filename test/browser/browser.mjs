// Runs a real Chromium, and the checks of every page of the console: no output in the browser's console,
// no violation of the content security policy, no failed request, no serious finding of axe, nothing
// wider than the window.

import assert from "node:assert/strict";

import { after, afterEach, before, describe } from "node:test";

import axe from "axe-core";
import { chromium } from "playwright-core";

import { patience, tokens, until } from "./world.mjs";

export const sizes = { "1280 px": { width: 1280, height: 900 }, "390 px": { width: 390, height: 844 } };
const narrowest = 360; // px: of no test of its own, but nothing is wider

// launch starts the browser named by the Makefile.
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });

// visit opens a page with separate cookies. Faults of the page are collected in faults.
export async function visit(browser, baseURL, { viewport = sizes["1280 px"], colorScheme = "light", timezoneId = "UTC" } = {}) {
  const context = await browser.newContext({ baseURL, viewport, colorScheme, reducedMotion: "reduce", locale: "en-GB", timezoneId });
  context.setDefaultTimeout(patience);
  const faults = [];
  await watch(context, faults);
  return { context, page: await context.newPage(), faults };
}

// watch collects the faults of all pages of a context.
async function watch(context, faults) {
  await context.exposeBinding("usherRefused", (_, text) => faults.push(`policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => {
      window.usherRefused(`${e.effectiveDirective} refused ${e.blockedURI} ${e.sample} at ${e.sourceFile}:${e.lineNumber}`);
    });
  });
  context.on("console", (m) => {
    // The handler below records error answers.
    if (["error", "warning"].includes(m.type()) && !m.text().startsWith("Failed to load resource: the server responded")) {
      faults.push(`console: ${m.text()} at ${m.location().url}:${m.location().lineNumber}`);
    }
  });
  context.on("weberror", (e) => faults.push(`uncaught: ${e.error().stack ?? e.error()}`));
  context.on("requestfailed", (r) => {
    // The browser aborts pending requests of a left page.
    if (r.failure().errorText !== "net::ERR_ABORTED") faults.push(`failed: ${r.method()} ${path(r)}: ${r.failure().errorText}`);
  });
  context.on("response", (r) => {
    if (r.status() >= 400) faults.push(`answered: ${r.request().method()} ${path(r)}: ${r.status()}`);
  });
}

const path = (r) => new URL(r.url()).pathname;

// meant waits for an expected fault, and removes the fault.
export async function meant(v, pattern) {
  await until(`there is ${pattern} among the faults`, () => v.faults.some((f) => pattern.test(f)));
  forgive(v, pattern);
}

// forgive removes matching faults.
export const forgive = (v, pattern) => v.faults.splice(0, Infinity, ...v.faults.filter((f) => !pattern.test(f)));

// look checks the present page in both color schemes.
export async function look(v) {
  const { page } = v;
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await axeFaults(page), [], `axe at ${page.url()}, ${colorScheme}`);
  }
  assert.deepEqual(await wide(page), [], `what is too wide at ${page.url()}`);
  const { width, height } = page.viewportSize();
  if (width < 500) {
    await page.setViewportSize({ width: narrowest, height });
    await until(`all is ${narrowest} px wide`, async () => { // charts are drawn anew
      assert.deepEqual(await wide(page), [], `what is wider than ${narrowest} px at ${page.url()}`);
      return true;
    });
    await page.setViewportSize({ width, height });
  }
  sound(v);
}

// sound asserts that no faults were collected since the last call.
export const sound = (v) => assert.deepEqual(v.faults.splice(0), [], `what went wrong until ${v.page.url()}`);

// axeFaults returns the serious and critical findings of axe. The content security policy stays: code
// evaluated by the debugger is exempt.
export async function axeFaults(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.flatMap(({ id, nodes }) => nodes.map((n) => `${id}: ${n.target}: ${n.any[0]?.message ?? n.failureSummary}`));
}

// wide returns the elements that make the page scroll sideways, and the elements cut off at the side.
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

// asOperator runs tests in a window of each size, logged in as an operator. open returns the browser and
// the URL of usher; tests declares the tests with the visit, which is complete as soon as they run, and
// the size.
export function asOperator(open, tests) {
  for (const [size, viewport] of Object.entries(sizes)) {
    describe(`an operator, ${size}`, () => {
      const v = {};
      before(async () => {
        const { browser, url } = open();
        Object.assign(v, await visit(browser, url, { viewport }));
        await login(v, tokens.operator);
      });
      afterEach(() => sound(v));
      after(() => v.context.close());
      tests(v, viewport);
    });
  }
}

// mark sets a mark in the page that a reload removes; unloaded returns whether the mark is still set.
export const mark = (page) => page.evaluate(() => void (window.usherMark = true));
export const unloaded = (page) => page.evaluate(() => window.usherMark === true);

// texts returns the present text of each matching element.
export const texts = (page, selector) => page.locator(selector).evaluateAll((list) => list.map((e) => e.textContent.trim()));

// tabTo presses the tab key until the element has the focus. Every focused element on the way must show
// the focus.
export async function tabTo(page, selector) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    assert.equal(await focusFault(page), "");
    if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
  }
  assert.fail(`the tab key does not lead to ${selector}`);
}

// focusFault returns the reason why the focus is invisible, or an empty string.
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

// cards returns the content of the cards of the overview.
export const cards = (page) =>
  page.locator("article[data-vendor]").evaluateAll((list) =>
    list.map((e) => ({
      vendor: e.dataset.vendor,
      state: e.dataset.state,
      facts: Array.from(e.querySelectorAll(".legend, [data-fact]"), (f) => f.textContent).join(" "),
    })),
  );

// drawn returns the number of coloured points of each chart.
export const drawn = (page) =>
  page.locator("[data-chart]").evaluateAll((list) =>
    list.map((e) => {
      const c = e.querySelector("canvas");
      return c ? c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((n, i) => i % 4 === 3 && n > 0).length : 0;
    }),
  );
