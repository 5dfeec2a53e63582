// Checks the chart by helm lint, helm template and kubeconform.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { lint, render, schemaFaults, valueFiles } from "./manifests.mjs";

describe("the chart", () => {
  for (const values of valueFiles) {
    it(`has no lint faults with ${values}`, () => assert.deepEqual(lint(values), []));
    it(`is valid for Kubernetes, KEDA and the Prometheus operator with ${values}`, () => assert.deepEqual(schemaFaults(render(values)), []));
  }
});
