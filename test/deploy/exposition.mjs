// Parses the text format of Prometheus: samples and labels.

// labelsOf returns the names of the labels in the text between the braces.
const labelsOf = (text) => Array.from(text.matchAll(/([A-Za-z_]\w*)="(?:[^"\\]|\\.)*"/g), ([, name]) => name);

// readMetrics parses a scrape, and returns samples by name with labels, and the names of the families.
export function readMetrics(text) {
  const samples = new Map();
  for (const [, name, labels] of text.matchAll(/^([A-Za-z_:][\w:]*)(?:\{(.*)\})? /gm)) {
    if (!samples.has(name)) samples.set(name, new Set());
    for (const label of labelsOf(labels ?? "")) samples.get(name).add(label);
  }
  const families = new Set(Array.from(text.matchAll(/^# TYPE (\S+) /gm), ([, name]) => name));
  return { samples, families };
}

// familyOf returns the family of a sample.
export function familyOf(name, families) {
  const plain = name.replace(/_(bucket|sum|count)$/, "");
  return families.has(name) || !families.has(plain) ? name : plain;
}
