// Checks the files for Prometheus and Grafana in ../../deploy against the metrics of a running usher,
// and checks that each check detects faults. Run by `make check-deploy`, which builds usher and
// installs promtool.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { anchorsOf, dashboardFaults, expressionFaults, queriesOf } from "./check-dashboard.mjs";
import { readMetrics } from "./exposition.mjs";
import { consumers, render } from "./manifests.mjs";
import { blank, promtool, unparsed } from "./promtool.mjs";
import { scrape } from "./world.mjs";

const root = new URL("../../", import.meta.url);
const file = (name) => readFileSync(new URL(name, root), "utf8");
const dashboard = () => JSON.parse(file("deploy/grafana/usher.json"));
const anchors = anchorsOf(file("docs/runbook.md"));
const alerts = file("deploy/prometheus/alerts.yaml");

// leftOut lists the metrics of Usher that the dashboard does not show, with the reason.
const leftOut = {
  usher_notifications_total: "usher status and the console name a target that fails",
  usher_reused_ids_total: "the alert UsherReusedIDs names the sender",
  usher_stream_bytes: "the alert UsherStreamFilling names a stream in need of attention",
  usher_stream_max_bytes: "the alert UsherStreamFilling names a stream in need of attention",
};

// unseen returns the expressions without a value at a usher with the history of live.
const unseen = (d) => blank(new Map(Array.from(queriesOf(d), ([where, q]) => [where, q.expr])), text);
const rightlyUnseen = [/^panel \d+ \(Requests answered 5xx\) A$/, /^annotation Alerts$/]; // no request failed, and Prometheus makes alerts

// registered returns the names of metrics in the code.
function registered() {
  const sources = readdirSync(new URL("internal/telemetry/", root)).filter((name) => /^(?!.*_test).*\.go$/.test(name));
  const text = sources.map((name) => file("internal/telemetry/" + name)).join("\n");
  const found = text.matchAll(/\b(?:counter|gauge|histogram|desc)\("([a-z_]+)"|Name: "usher_([a-z_]+)"/g);
  return Array.from(found, ([, a, b]) => "usher_" + (a ?? b)).sort();
}

let text, metrics;

before(async () => {
  text = await scrape(registered());
  metrics = readMetrics(text);
});

describe("deployed files", () => {
  it("/metrics has exactly the metrics of the code", () => assert.deepEqual(ownFamilies(text), registered()));

  it("/metrics is valid for Prometheus", () => {
    const { good, text: said } = promtool(["check", "metrics"], text);
    assert.ok(good, said);
  });

  it("the alerts are valid rules", () => {
    const { good, text: said } = promtool(["check", "rules", "--lint=all", "--lint-fatal"], alerts);
    assert.ok(good, said);
  });

  it("the alerts fire as their tests expect", () => assert.equal(testRules(), ""));

  it("the alerts read existing metrics and labels", () => assert.deepEqual(alertFaults(alerts), []));

  it("the dashboard has no fault", () => {
    assert.deepEqual(dashboardFaults(dashboard(), { metrics, anchors, leftOut }), []);
  });

  it("the scalers of the chart read existing consumers", () => {
    const stream = { replay: "OPEN_REPLAYS" };
    const there = Array.from(text.matchAll(/^usher_consumer_pending\{consumer="(\w+)",vendor="(\w+)"\}/gm), ([, consumer, vendor]) => `${stream[consumer] ?? "EVENTS"}/usher-${vendor}-${consumer}`);
    for (const [, vendor] of text.matchAll(/^usher_vendor_waiting\{vendor="(\w+)"\}/gm)) there.push(`TIMERS/usher-${vendor}-waiting`);
    const looked = consumers(render("full.yaml"));
    assert.ok(looked.length === 7 && looked.every((c) => there.includes(c)), `${looked} of ${there}`);
  });

  it("every panel of the dashboard has data", () => {
    assert.deepEqual(unseen(dashboard()).filter((where) => !rightlyUnseen.some((r) => r.test(where))), []);
  });
});

// ownFamilies returns the metrics of Usher in a scrape.
const ownFamilies = (scraped) => [...readMetrics(scraped).families].filter((name) => name.startsWith("usher_")).sort();

// alertFaults checks the expressions of rules against the metrics.
function alertFaults(rules) {
  const queries = new Map(Array.from(rules.matchAll(/^ +expr: (.+)$/gm), ([, expr], i) => [`rule ${i + 1}`, { expr, legend: "" }]));
  assert.equal(queries.size, rules.match(/- alert:/g).length);
  return expressionFaults(queries, metrics).faults;
}

// testRules runs the tests of the alerts with changed alerts, and returns the failures.
function testRules(change = (rules) => rules) {
  const dir = mkdtempSync(join(tmpdir(), "usher-alerts-"));
  try {
    cpSync(new URL("deploy/prometheus/", root), dir, { recursive: true });
    writeFileSync(join(dir, "alerts.yaml"), change(alerts));
    const { good, text: said } = promtool(["test", "rules", join(dir, "alerts_test.yaml")]);
    return good ? "" : said;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe("detected in a dashboard", () => {
  const flat = (d) => d.panels.flatMap((p) => [p, ...(p.panels ?? [])]).filter((p) => p.type !== "row");
  const plain = (d) => d.panels.filter((p) => p.type !== "row");
  const closed = (d) => d.panels.find((p) => p.panels?.length).panels;
  const firstExpr = (change) => (d) => { const t = flat(d)[0].targets[0]; t.expr = change(t.expr); };
  const faults = {
    "no uid": [(d) => delete d.uid, /no uid/],
    "an id of some Grafana": [(d) => (d.id = 7), /id must be null/],
    "a form that is too old": [(d) => (d.schemaVersion = 16), /schemaVersion 16 is older/],
    "an id twice": [(d) => (plain(d)[1].id = plain(d)[0].id), /panel id \d+ is there twice/],
    "an id twice, once in a closed row": [(d) => (closed(d)[1].id = plain(d)[0].id), /panel id \d+ is there twice/],
    "a refId twice": [(d) => flat(d).find((p) => p.targets.length > 1).targets.forEach((t) => (t.refId = "A")), /refId A is there twice/],
    "panels that overlap": [(d) => (plain(d)[1].gridPos.x = plain(d)[0].gridPos.x), /lies over/],
    "panels that overlap in a closed row": [(d) => (closed(d)[1].gridPos.x -= 1), /lies over/],
    "a panel beyond the grid": [(d) => (plain(d)[5].gridPos.x = 21), /does not fit the grid/],
    "a panel that is not explained": [(d) => delete flat(d)[3].description, /does not say what a bad value means/],
    "a link to no section": [(d) => (flat(d)[3].links[0].url = "${runbook:raw}#gone"), /no section gone/],
    "no link": [(d) => (flat(d)[3].links = []), /no link to the runbook/],
    "a panel that asks nothing": [(d) => (flat(d)[3].targets = []), /asks nothing/],
    "a fixed data source of a panel": [(d) => (flat(d)[2].datasource.uid = "P1809F7CD0C75ACF3"), /the data source is not a variable/],
    "a fixed data source of a target": [(d) => (flat(d)[2].targets[0].datasource.uid = "prom"), /the data source is not a variable/],
    "a fixed data source of a variable": [(d) => (d.templating.list.find((v) => v.name === "vendor").datasource.uid = "prom"), /variable vendor: the data source/],
    "a variable that is not defined": [firstExpr((e) => e.replace("$job", "$cluster")), /variable cluster is not defined/],
    "a variable that is not used": [(d) => d.templating.list.push({ name: "idle", type: "constant", query: "1" }), /variable idle is not used/],
    "a variable with another label": [(d) => (d.templating.list.find((v) => v.name === "vendor").query.query = "label_values(usher_vendor_on_hold, vendr)"), /no label vendr/],
    "no PromQL": [firstExpr((e) => e + ")"), /is no PromQL: .*parse error/],
    "a metric that is not there": [firstExpr((e) => e.replace("usher_build_info", "usher_bild_info")), /no metric usher_bild_info/],
    "a label that is not there": [firstExpr((e) => e.replace("{", '{zone="a", ')), /usher_build_info has no label zone/],
    "a grouping by a label that is not there": [firstExpr((e) => e.replace("(version)", "(version, zone)")), /usher_build_info has no label zone/],
    "a legend without its label": [(d) => (flat(d)[0].targets[0].legendFormat = "{{vendor}}"), /what comes out has no label vendor/],
    "a label that is dropped before": [firstExpr(() => "sum by (class) (max by (vendor) (usher_dead_letters))"), /label class is dropped/],
    "a metric that is not shown": [(d) => flat(d).forEach((p) => (p.targets = p.targets.filter((t) => !t.expr.includes("consumer_redelivered")))), /usher_consumer_redelivered is not shown/],
  };
  for (const [name, [plant, want]] of Object.entries(faults)) {
    it(name, () => {
      const d = dashboard();
      plant(d);
      const found = dashboardFaults(d, { metrics, anchors, leftOut });
      assert.ok(found.some((f) => want.test(f)), `want ${want}, got ${JSON.stringify(found)}`);
    });
  }

  for (const [name, [plant, want]] of Object.entries({
    "a value that no label has": [firstExpr((e) => e.replace("{", '{version="none", ')), "panel 1 (Processes) A"],
    "a variable that is taken for one value": [firstExpr((e) => e.replace("=~", "=")), "panel 1 (Processes) A"],
    "sides that never match": [firstExpr(() => "usher_dead_letters / usher_retries_waiting"), "panel 1 (Processes) A"],
  })) {
    it(name, () => {
      const d = dashboard();
      plant(d);
      assert.ok(unseen(d).includes(want));
    });
  }

  it("an outdated list of omitted metrics", () => {
    const found = dashboardFaults(dashboard(), { metrics, anchors, leftOut: { ...leftOut, usher_build_info: "", usher_gone: "" } });
    assert.deepEqual(found, ["usher_build_info is shown, and listed as left out", "usher_gone is listed as left out, and there is none"]);
  });
});

describe("detected in metrics and alerts", () => {
  it("a counter with the name of a gauge", () => {
    assert.equal(promtool(["check", "metrics"], text.replaceAll("usher_effects_total", "usher_effects")).good, false);
  });
  it("a metric without help", () => {
    assert.equal(promtool(["check", "metrics"], text.replace(/^# HELP usher_dead_letters .*\n/m, "")).good, false);
  });
  it("a rule with invalid PromQL", () => {
    assert.equal(promtool(["check", "rules"], alerts.replace("absent(", "absent((")).good, false);
  });
  it("the same rule twice", () => {
    const rule = alerts.slice(alerts.indexOf("      - alert: UsherDown"), alerts.indexOf("      - alert: UsherNotConnected"));
    assert.equal(promtool(["check", "rules", "--lint=all", "--lint-fatal"], alerts + rule).good, false);
  });
  it("an alert that comes too late", () => assert.match(testRules((rules) => rules.replace("> 1000 and", "> 9000 and")), /UsherBacklogGrows/));
  it("an alert with another text", () => assert.match(testRules((rules) => rules.replace("is on hold", "is away")), /UsherVendorOnHold/));
  it("an alert on a missing label", () => {
    assert.deepEqual(alertFaults(alerts.replace("max by (instance) (usher_nats", "max by (instance, vendor) (usher_nats")), ["rule 2: usher_nats_connected has no label vendor"]);
  });
  it("a metric without samples", () => {
    const less = ownFamilies(text.replaceAll(/^.*usher_unread_messages_removed_total.*\n/gm, ""));
    assert.deepEqual(registered().filter((name) => !less.includes(name)), ["usher_unread_messages_removed_total"]);
  });
  it("promtool without the expected output", () => assert.throws(() => unparsed(new Map([["a", { not: "text" }]])), /promtool check rules/));
});
