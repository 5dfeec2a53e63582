// Makes JSON Schemas of what the chart may hold, for kubeconform, out of the Go modules of
// Kubernetes, KEDA and the Prometheus operator, and keeps what KEDA says of its scalers with
// them: later checks need no module.
//   node schemas.mjs OUT     the modules must be in the module cache: make check-deploy sees to it

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import yaml from "js-yaml";

const modules = {
  kubernetes: "k8s.io/kubernetes@v1.35.0",
  keda: "github.com/kedacore/keda/v2@v2.21.0",
  operator: "github.com/prometheus-operator/prometheus-operator@v0.85.0",
};

const cache = () => execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8" }).trim();

// inModule is the path of a file of a module.
const inModule = (name, ...path) => join(cache(), modules[name], ...path);

const numberOrText = { oneOf: [{ type: "string" }, { type: "number" }] };
const loose = new Set(["io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"]);

// strict is a schema that takes no member that it does not name. It turns what only
// Kubernetes understands into what every validator does.
function strict(schema) {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const out = { ...schema };
  for (const key of ["items", "additionalProperties", "allOf", "anyOf", "oneOf", "not"]) if (key in out) out[key] = strict(out[key]);
  if (out.properties) {
    out.properties = Object.fromEntries(Object.entries(out.properties).map(([name, s]) => [name, strict(s)]));
    if (out.additionalProperties === undefined && !out["x-kubernetes-preserve-unknown-fields"]) out.additionalProperties = false;
  }
  if (out["x-kubernetes-int-or-string"] || out.format === "int-or-string") {
    for (const key of ["type", "format", "anyOf"]) delete out[key];
    Object.assign(out, numberOrText);
  }
  if (out.nullable && typeof out.type === "string") out.type = [out.type, "null"];
  return out;
}

// fileName is how kubeconform looks a schema up: {{.ResourceKind}}{{.KindSuffix}}.json.
const fileName = (kind, group, version) => `${[kind.toLowerCase(), group.split(".")[0], version].filter(Boolean).join("-")}.json`;

// nativeSchemas is those of the objects of Kubernetes itself.
function* nativeSchemas(swagger) {
  const all = Object.fromEntries(Object.entries(swagger.definitions).map(([name, d]) => [name, loose.has(name) ? numberOrText : strict(d)]));
  for (const [name, definition] of Object.entries(swagger.definitions)) {
    for (const { group, version, kind } of definition["x-kubernetes-group-version-kind"] ?? []) {
      if (/List$|^(DeleteOptions|WatchEvent)$/.test(kind)) continue;
      const own = { apiVersion: { enum: [group ? `${group}/${version}` : version] }, kind: { enum: [kind] } };
      const needed = Object.fromEntries(reached(definition, swagger.definitions).map((n) => [n, all[n]]));
      yield [fileName(kind, group, version), { ...all[name], properties: { ...all[name].properties, ...own }, required: [...new Set([...(definition.required ?? []), "apiVersion", "kind"])], definitions: needed }];
    }
  }
}

// reached is the names of all definitions that one leads to.
function reached(definition, definitions, found = new Set()) {
  for (const [, name] of JSON.stringify(definition).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) {
    if (found.has(name)) continue;
    found.add(name);
    reached(definitions[name], definitions, found);
  }
  return [...found];
}

// customSchemas is those of a file of CustomResourceDefinitions.
function* customSchemas(text) {
  for (const crd of yaml.loadAll(text)) {
    for (const v of crd?.spec?.versions ?? []) {
      const schema = strict(v.schema.openAPIV3Schema);
      schema.properties.metadata = { type: "object" };
      yield [fileName(crd.spec.names.kind, crd.spec.group, v.name), schema];
    }
  }
}

function* allSchemas() {
  yield* nativeSchemas(JSON.parse(readFileSync(inModule("kubernetes", "api/openapi-spec/swagger.json"), "utf8")));
  for (const [name, dir] of [["keda", "config/crd/bases"], ["operator", "example/prometheus-operator-crd"]]) {
    for (const file of readdirSync(inModule(name, dir))) yield* customSchemas(readFileSync(inModule(name, dir, file), "utf8"));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = process.argv[2];
  mkdirSync(out, { recursive: true });
  let made = 0;
  for (const [name, schema] of allSchemas()) {
    writeFileSync(join(out, name), JSON.stringify(schema));
    made++;
  }
  // The last one: where it is, the others are.
  copyFileSync(inModule("keda", "schema/generated/scalers-schema.json"), join(out, "scalers-schema.json"));
  console.log(`${made} schemas in ${out}`);
}
