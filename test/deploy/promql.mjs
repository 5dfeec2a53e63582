// Returns the metrics and labels in a PromQL expression. promtool checks the syntax.

const token = /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|([A-Za-z_:][\w:]*)|(\d[\w.]*)|([{}()[\],])|([=!<>~+\-*/%^@]+)|\s+/gy;
const listing = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const words = new Set([...listing, "and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"]);
const aggregations = new Set(["sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"]);
const opening = { "(": ")", "{": "}", "[": "]" };

// read splits an expression into tokens. Each bracket has the index of the matching bracket.
function read(expr) {
  const list = [], open = [];
  for (const [text, quoted, name] of expr.matchAll(token)) {
    if (!text.trim()) continue;
    const t = { text, name: name !== undefined, quoted: quoted !== undefined };
    if (!t.quoted && opening[text]) open.push(list.length);
    if (!t.quoted && ")}]".includes(text)) {
      t.partner = open.pop() ?? 0;
      list[t.partner].partner = list.length;
    }
    list.push(t);
  }
  return list;
}

// between returns the names in the brackets that open at an index.
const between = (list, at) => list.slice(at + 1, list[at].partner).filter((t) => t.name).map((t) => t.text);

// readGroups returns the aggregations with span and kept labels.
function readGroups(list) {
  const groups = [];
  list.forEach((t, i) => {
    if (!t.name || !aggregations.has(t.text)) return;
    let at = i + 1, keeps = [], without = null;
    const labels = () => {
      if (list[at]?.text === "by") keeps = between(list, at + 1);
      else if (list[at]?.text === "without") without = between(list, at + 1);
      else return;
      at = list[at + 1].partner + 1;
    };
    labels();
    if (list[at]?.text !== "(") return; // a metric of the same name
    const [from, to] = [at, list[at].partner];
    at = to + 1;
    labels();
    groups.push({ from, to, keeps, without });
  });
  return groups;
}

// readSelectors returns the metrics with the labels of their selectors.
function readSelectors(list) {
  const found = [];
  for (let i = 0; i < list.length; i++) {
    const t = list[i], next = list[i + 1]?.text;
    if (t.name && listing.has(t.text) && next === "(") i = list[i + 1].partner;
    else if (t.text === "[" && t.partner) i = t.partner;
    else if (t.name && !words.has(t.text.toLowerCase()) && !aggregations.has(t.text) && next !== "(") {
      const labels = next === "{" ? between(list, i + 1) : [];
      found.push({ metric: t.text, labels: new Set(labels), at: i });
      if (next === "{") i = list[i + 1].partner;
    }
  }
  return found;
}

// readExpression returns the metrics of an expression, each with all labels named anywhere; the possible
// labels of the result, null if dependent on the metrics; and aggregations by labels already dropped.
export function readExpression(expr) {
  const list = read(expr), groups = readGroups(list), selectors = readSelectors(list);
  const within = (x, g) => x > g.from && x < g.to;
  const lost = [];
  for (const g of groups) {
    for (const s of selectors) if (within(s.at, g)) for (const l of g.without ?? g.keeps) s.labels.add(l);
    for (const inner of groups) {
      if (!within(inner.from, g) || inner.without) continue;
      lost.push(...g.keeps.filter((l) => !inner.keeps.includes(l)));
    }
  }
  list.forEach((t, i) => {
    if (!["on", "ignoring", "group_left", "group_right"].includes(t.text) || list[i + 1]?.text !== "(") return;
    for (const s of selectors) for (const l of between(list, i + 1)) s.labels.add(l);
  });
  const outer = groups.filter((g) => !groups.some((other) => within(g.from, other)));
  const bare = selectors.some((s) => !outer.some((g) => within(s.at, g))) || outer.some((g) => g.without);
  return { selectors, lost, result: bare ? null : new Set(outer.flatMap((g) => g.keeps)) };
}
