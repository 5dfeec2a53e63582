// Checks by promtool of Prometheus. `make check-deploy` installs promtool; PROMTOOL may name another
// promtool of version 3.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = process.env.PROMTOOL || fileURLToPath(new URL("../../.tools/promtool", import.meta.url));

// promtool runs promtool, and returns whether promtool succeeded, and the output.
export function promtool(args, input = "") {
  const done = spawnSync(program, args, { input, encoding: "utf8", timeout: 60_000 });
  if (done.error) throw new Error(`promtool does not run (${done.error.message}): make check-deploy installs it`);
  return { good: done.status === 0, text: done.stdout + done.stderr };
}

// unparsed returns the faults of invalid PromQL expressions, by name.
export function unparsed(expressions) {
  const names = [...expressions.keys()];
  const rules = names.map((name, i) => ({ record: `e${i}`, expr: expressions.get(name) }));
  const { good, text } = promtool(["check", "rules"], JSON.stringify({ groups: [{ name: "g", rules }] }));
  const faults = new Map();
  for (const [, i, why] of text.matchAll(/rule \d+, "e(\d+)": could not parse expression: (.*)/g)) faults.set(names[i], why);
  if (!good && faults.size === 0) throw new Error(`promtool check rules: ${text}`);
  return faults;
}

// seriesOf returns the series of Prometheus some minutes after a scrape. Counters continue, and zero
// becomes one, so that every visible sample has a value.
function seriesOf(scrape) {
  const kinds = new Map(Array.from(scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name, kind]) => [name, kind]));
  return Array.from(scrape.matchAll(/^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm), ([, name, labels, value]) => {
    const counts = kinds.get(name) === "counter" || !kinds.has(name); // parts of a histogram or summary
    const target = ['job="usher"', 'instance="a:8080"', ...(labels ? [labels] : [])].join(",");
    return { series: `${name}{${target}}`, values: counts ? `0+${Number(value)}x10` : `${Number(value) || 1}x10` };
  });
}

// blank returns the names of the expressions without a value for a scrape. promtool expects no value of
// each, and reports the expressions with a value.
export function blank(expressions, scrape) {
  const dir = mkdtempSync(join(tmpdir(), "usher-promql-"));
  try {
    const tests = Array.from(expressions.values(), (expr) => ({ expr, eval_time: "5m", exp_samples: [] }));
    const whole = { interval: "1m", input_series: seriesOf(scrape), promql_expr_test: tests };
    writeFileSync(join(dir, "t.json"), JSON.stringify({ evaluation_interval: "1m", tests: [whole] }));
    const { text } = promtool(["test", "rules", join(dir, "t.json")]);
    const full = new Set(Array.from(text.matchAll(/^ +expr: (".*"), time: /gm), ([, quoted]) => JSON.parse(quoted)));
    if (full.size === 0) throw new Error(`promtool test rules: ${text}`);
    return [...expressions].filter(([, expr]) => !full.has(expr)).map(([name]) => name);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
