// The chart by helm lint, helm template and kubeconform.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { lint, render, schemaFaults, valueFiles } from "./manifests.mjs";

describe("the chart", () => {
  for (const values of valueFiles) {
    it(`is well with ${values}`, () => assert.deepEqual(lint(values), []));
    it(`is what Kubernetes, KEDA and the Prometheus operator take, with ${values}`, () => assert.deepEqual(schemaFaults(render(values)), []));
  }
});
