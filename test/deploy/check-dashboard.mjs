// Checks a Grafana dashboard without Grafana.
//   node check-dashboard.mjs METRICS DASHBOARD    METRICS is a saved answer of /metrics

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { familyOf, readMetrics } from "./exposition.mjs";
import { readExpression } from "./promql.mjs";
import { unparsed } from "./promtool.mjs";

const oldestSchema = 39; // of Grafana 11
const columns = 24;
const targetLabels = ["job", "instance"]; // added by Prometheus
const ofPrometheus = new Set(["ALERTS"]); // metrics of Prometheus

const panelsOf = (d) => (d.panels ?? []).flatMap((p) => [p, ...(p.panels ?? [])]);
const placeOf = (p) => `panel ${p.id} (${p.title || p.type})`;
const repeated = (list) => list.filter((x, i) => list.indexOf(x) !== i);
const variablesOf = (d) => d.templating?.list ?? [];

// usesOf returns the variables used by a text, without the variables of Grafana, which begin with __.
const usesOf = (text) => Array.from(text.matchAll(/\$\{(\w+)[^}]*\}|\$(\w+)|\[\[(\w+)/g), ([, a, b, c]) => a ?? b ?? c);

// plain returns an expression with all values of each variable, as sent to Prometheus.
const plain = (expr) => expr.replace(/\$\{?__(rate_interval|interval|range)\}?/g, "5m").replace(/\$\{\w+[^}]*\}|\$\w+/g, ".*");

// queriesOf returns every expression of a dashboard, by position.
export function queriesOf(d) {
  const found = new Map();
  for (const p of panelsOf(d)) for (const t of p.targets ?? []) found.set(`${placeOf(p)} ${t.refId}`, { expr: plain(t.expr ?? ""), legend: t.legendFormat ?? "" });
  for (const a of d.annotations?.list ?? []) if (a.expr) found.set(`annotation ${a.name}`, { expr: plain(a.expr), legend: "" });
  for (const v of variablesOf(d)) {
    const [, expr, label] = /^label_values\((.*),\s*(\w+)\)$/.exec(v.query?.query ?? "") ?? [];
    if (expr) found.set(`variable ${v.name}`, { expr: plain(expr), legend: `{{${label}}}` });
  }
  return found;
}

function headFaults(d) {
  const faults = [];
  for (const key of ["title", "uid", "description"]) if (!d[key]) faults.push(`the dashboard has no ${key}`);
  if ((d.uid ?? "").length > 40) faults.push("uid is longer than 40 characters");
  if (!(d.schemaVersion >= oldestSchema)) faults.push(`schemaVersion ${d.schemaVersion} is older than ${oldestSchema}`);
  if (d.id !== null) faults.push("id must be null: it is one Grafana's own");
  return faults;
}

function panelFaults(d, anchors) {
  const all = panelsOf(d);
  const faults = repeated(all.map((p) => p.id)).map((id) => `panel id ${id} is there twice`);
  for (const p of all) {
    if (!Number.isInteger(p.id)) faults.push(`${placeOf(p)} has no id`);
    if (!p.title) faults.push(`${placeOf(p)} has no title`);
    if (p.type === "row") continue;
    if (!p.description) faults.push(`${placeOf(p)} does not say what a bad value means`);
    if (!p.targets?.length) faults.push(`${placeOf(p)} asks nothing`);
    for (const id of repeated((p.targets ?? []).map((t) => t.refId))) faults.push(`${placeOf(p)}: refId ${id} is there twice`);
    const links = (p.links ?? []).map((l) => /^\$\{runbook:raw\}#(.+)$/.exec(l.url)?.[1]);
    if (!links.length) faults.push(`${placeOf(p)} has no link to the runbook`);
    for (const a of links) if (!anchors.has(a)) faults.push(`${placeOf(p)}: the runbook has no section ${a}`);
  }
  return faults;
}

// gridFaults checks each set of panels in one grid: the outer grid, and the grid of each closed row.
function gridFaults(d) {
  const faults = [];
  for (const set of [d.panels ?? [], ...panelsOf(d).map((p) => p.panels ?? [])]) {
    set.forEach((p, i) => {
      const { x, y, w, h } = p.gridPos ?? {};
      const whole = [x, y, w, h].every((n) => Number.isInteger(n) && n >= 0) && w > 0 && h > 0;
      if (!whole || x + w > columns) faults.push(`${placeOf(p)} does not fit the grid`);
      for (const q of set.slice(0, i)) {
        const o = q.gridPos ?? {};
        if (x < o.x + o.w && o.x < x + w && y < o.y + o.h && o.y < y + h) faults.push(`${placeOf(p)} lies over ${placeOf(q)}`);
      }
    });
  }
  return faults;
}

function variableFaults(d) {
  const names = variablesOf(d).map((v) => v.name), faults = repeated(names).map((n) => `variable ${n} is there twice`);
  const used = new Set(usesOf(JSON.stringify(d)));
  for (const p of panelsOf(d)) if (p.repeat) used.add(p.repeat);
  for (const name of used) if (!names.includes(name) && !name.startsWith("__")) faults.push(`variable ${name} is not defined`);
  for (const name of names) if (!used.has(name)) faults.push(`variable ${name} is not used`);
  const sources = new Set(variablesOf(d).filter((v) => v.type === "datasource").map((v) => "${" + v.name + "}"));
  const askers = panelsOf(d).filter((p) => p.type !== "row").flatMap((p) => [[placeOf(p), p], ...(p.targets ?? []).map((t) => [`${placeOf(p)} ${t.refId}`, t])]);
  for (const v of variablesOf(d)) if (v.type === "query") askers.push([`variable ${v.name}`, v]);
  for (const a of d.annotations?.list ?? []) askers.push([`annotation ${a.name}`, a]);
  for (const [where, { datasource }] of askers) if (!sources.has(datasource?.uid)) faults.push(`${where}: the data source is not a variable`);
  return faults;
}

// expressionFaults checks the expressions from queriesOf: PromQL, and existing metrics.
export function expressionFaults(queries, { samples, families }) {
  const faults = [], read = new Set();
  for (const [where, why] of unparsed(new Map(Array.from(queries, ([where, q]) => [where, q.expr])))) faults.push(`${where} is no PromQL: ${why}`);
  for (const [where, { expr, legend }] of queries) {
    const { selectors, lost, result } = readExpression(expr);
    const known = new Set(targetLabels);
    for (const { metric, labels } of selectors) {
      if (ofPrometheus.has(metric)) continue;
      read.add(familyOf(metric, families));
      if (!samples.has(metric)) faults.push(`${where}: there is no metric ${metric}`);
      const has = new Set([...targetLabels, ...(samples.get(metric) ?? [])]);
      for (const l of labels) if (!has.has(l)) faults.push(`${where}: ${metric} has no label ${l}`);
      for (const l of has) known.add(l);
    }
    for (const l of lost) faults.push(`${where}: label ${l} is dropped before it is kept`);
    for (const [, l] of legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)) if (!(result ?? known).has(l)) faults.push(`${where}: what comes out has no label ${l}`);
  }
  return { faults, read };
}

// dashboardFaults returns all faults of a dashboard. metrics is a parsed scrape, anchors the runbook's
// sections, leftOut the omitted metrics of Usher, each with the reason.
export function dashboardFaults(d, { metrics, anchors, leftOut = {} }) {
  const { faults, read } = expressionFaults(queriesOf(d), metrics);
  for (const family of metrics.families) {
    if (family.startsWith("usher_") && !read.has(family) && !(family in leftOut)) faults.push(`${family} is not shown`);
  }
  for (const family in leftOut) {
    if (read.has(family)) faults.push(`${family} is shown, and listed as left out`);
    if (!metrics.families.has(family)) faults.push(`${family} is listed as left out, and there is none`);
  }
  return [...headFaults(d), ...panelFaults(d, anchors), ...gridFaults(d), ...variableFaults(d), ...faults];
}

// anchorsOf returns the anchors of a Markdown file.
export const anchorsOf = (markdown) => new Set(Array.from(markdown.matchAll(/^#+ (.+)$/gm), ([, title]) => title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [metrics, dashboard] = process.argv.slice(2).map((name) => readFileSync(name, "utf8"));
  const book = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const faults = dashboardFaults(JSON.parse(dashboard), { metrics: readMetrics(metrics), anchors: anchorsOf(book) });
  for (const f of faults) console.log(f);
  process.exit(faults.length ? 1 : 0);
}
