// Makes JSON Schemas of the chart's resources for kubeconform, from the Go modules of Kubernetes, KEDA,
// the Prometheus operator and the Gateway API, and stores KEDA's schema of scalers with them. Later checks need no
// module.
//   node schemas.mjs OUT     requires the modules in the module cache, see make check-deploy

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import yaml from "js-yaml";

const modules = {
  kubernetes: "k8s.io/kubernetes@v1.35.0",
  keda: "github.com/kedacore/keda/v2@v2.21.0",
  operator: "github.com/prometheus-operator/prometheus-operator@v0.85.0",
  gateway: "sigs.k8s.io/gateway-api@v1.4.0",
};

const cache = () => execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8" }).trim();

// inModule returns the path of a file of a module.
const inModule = (name, ...path) => join(cache(), modules[name], ...path);

const numberOrText = { oneOf: [{ type: "string" }, { type: "number" }] };
const loose = new Set(["io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"]);

// strict returns a schema without unknown members. Extensions of Kubernetes become standard JSON Schema.
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

// fileName returns the name of a schema for kubeconform: {{.ResourceKind}}{{.KindSuffix}}.json.
const fileName = (kind, group, version) => `${[kind.toLowerCase(), group.split(".")[0], version].filter(Boolean).join("-")}.json`;

// nativeSchemas returns the schemas of Kubernetes objects.
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

// reached returns the names of all definitions referenced by a definition, directly or not.
function reached(definition, definitions, found = new Set()) {
  for (const [, name] of JSON.stringify(definition).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) {
    if (found.has(name)) continue;
    found.add(name);
    reached(definitions[name], definitions, found);
  }
  return [...found];
}

// customSchemas returns the schemas of a file of CustomResourceDefinitions.
function* customSchemas(text) {
  for (const crd of yaml.loadAll(text).filter((o) => o?.kind === "CustomResourceDefinition")) {
    for (const v of crd?.spec?.versions ?? []) {
      const schema = strict(v.schema.openAPIV3Schema);
      schema.properties.metadata = { type: "object" };
      yield [fileName(crd.spec.names.kind, crd.spec.group, v.name), schema];
    }
  }
}

function* allSchemas() {
  yield* nativeSchemas(JSON.parse(readFileSync(inModule("kubernetes", "api/openapi-spec/swagger.json"), "utf8")));
  for (const [name, dir] of [["keda", "config/crd/bases"], ["operator", "example/prometheus-operator-crd"], ["gateway", "config/crd/standard"]]) {
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
  copyFileSync(inModule("keda", "schema/generated/scalers-schema.json"), join(out, "scalers-schema.json"));
  writeFileSync(join(out, "complete-2"), ""); // written last, marks a complete set; another name for another list of modules
  console.log(`${made} schemas in ${out}`);
}
