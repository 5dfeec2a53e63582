// What /metrics says, in Prometheus' text format: which samples there are, and
// which labels they have.

// labelsOf returns the names of the labels in what stands between the braces.
const labelsOf = (text) => Array.from(text.matchAll(/([A-Za-z_]\w*)="(?:[^"\\]|\\.)*"/g), ([, name]) => name);

// readMetrics reads a scrape: samples by name, each with its labels, and the
// names of the families that they belong to.
export function readMetrics(text) {
  const samples = new Map();
  for (const [, name, labels] of text.matchAll(/^([A-Za-z_:][\w:]*)(?:\{(.*)\})? /gm)) {
    if (!samples.has(name)) samples.set(name, new Set());
    for (const label of labelsOf(labels ?? "")) samples.get(name).add(label);
  }
  const families = new Set(Array.from(text.matchAll(/^# TYPE (\S+) /gm), ([, name]) => name));
  return { samples, families };
}

// familyOf is the family that a sample belongs to.
export function familyOf(name, families) {
  const plain = name.replace(/_(bucket|sum|count)$/, "");
  return families.has(name) || !families.has(plain) ? name : plain;
}
