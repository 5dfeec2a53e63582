// Checks the chart by helm lint, helm template and kubeconform.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { consumers, lint, objects, refused, render, schemaFaults, valueFiles } from "./manifests.mjs";

describe("the chart", () => {
  for (const values of valueFiles) {
    it(`has no lint faults with ${values}`, () => assert.deepEqual(lint(values), []));
    it(`is valid for Kubernetes, KEDA, the Prometheus operator and the Gateway API with ${values}`, () => assert.deepEqual(schemaFaults(render(values)), []));
  }
});

describe("the values of placed.yaml", () => {
  const all = objects(render("placed.yaml"));
  const one = (kind, name) => all.find((o) => o.kind === kind && o.metadata.name === name) ?? assert.fail(`no ${kind} ${name}`);
  const pods = Object.fromEntries(all.filter((o) => ["Deployment", "Job"].includes(o.kind)).map((o) => [o.metadata.name, o.spec.template]));
  const ingest = pods["school-sync-ingest"], worker = pods["school-sync-leadde"], apply = pods["school-sync-apply"];

  it("name every resource", () => assert.deepEqual(all.filter((o) => !o.metadata.name.startsWith("school-sync")), []));
  it("label and annotate every resource", () => assert.deepEqual(all.filter((o) => o.metadata.labels?.team !== "school" || o.metadata.annotations?.owner !== "school@example.org").map((o) => o.kind), []));
  it("keep the annotations of a hook", () => assert.equal(one("Job", "school-sync-apply").metadata.annotations["helm.sh/hook"], "pre-install,pre-upgrade"));
  for (const [name, { metadata, spec }] of Object.entries(pods)) {
    it(`reach the pod ${name}`, () => {
      assert.equal(metadata.labels.mesh, "on");
      assert.equal(metadata.annotations["example.org/scrape"], "true");
      assert.match(spec.containers[0].image, /^ghcr\.io\/usherhq\/usher@sha256:[0-9a-f]{64}$/);
      assert.deepEqual(spec.imagePullSecrets, [{ name: "registry" }]);
      assert.deepEqual(spec.nodeSelector, { "kubernetes.io/arch": "arm64" });
      assert.equal(spec.priorityClassName, "business");
      const env = Object.fromEntries(spec.containers[0].env.map((e) => [e.name, e.value]));
      assert.equal(env.NO_PROXY, ".svc");
      assert.equal(env.SSL_CERT_DIR, "/etc/ssl/usher");
      assert.deepEqual(spec.volumes.find((v) => v.name === "ca").configMap, { name: "company-ca", items: [{ key: "ca.crt", path: "ca.crt" }] });
      for (const mount of spec.containers[0].volumeMounts) assert.ok(spec.volumes.some((v) => v.name === mount.name), mount.name);
      assert.ok(spec.containers[0].volumeMounts.some((m) => m.mountPath === "/scratch"));
    });
  }
  it("let a component win", () => {
    assert.equal(ingest.spec.tolerations[0].operator, "Exists");
    assert.equal(worker.spec.tolerations[0].operator, "Equal");
    assert.ok(worker.spec.affinity.nodeAffinity && !worker.spec.affinity.podAntiAffinity);
    assert.ok(ingest.spec.affinity.podAntiAffinity);
  });
  it("spread the pods of one Deployment", () => assert.equal(worker.spec.topologySpreadConstraints[0].labelSelector.matchLabels["usher-vendor"], "leadde"));
  it("give an account to all but the hook, which runs before it is made", () => {
    one("ServiceAccount", "school-sync");
    assert.deepEqual([ingest, worker, apply].map((p) => p.spec.serviceAccountName), ["school-sync", "school-sync", undefined]);
  });
  it("serve senders outside of the cluster", () => {
    const [rule] = one("Ingress", "school-sync-ingest").spec.rules;
    assert.deepEqual(rule.http.paths.map((p) => p.path), ["/events", "/webhooks"]);
    assert.deepEqual(one("HTTPRoute", "school-sync-ingest").spec.rules[0].backendRefs, [{ name: "school-sync-ingest", port: 8080 }]);
    assert.equal(one("Service", "school-sync-ingest").spec.type, "NodePort");
  });
  it("scale by the consumers of the prefix", () => assert.ok(consumers(render("placed.yaml")).includes("STAGING_TIMERS/staging-usher-leadde-waiting")));
  it("link alerts to the runbook", () => {
    const links = one("PrometheusRule", "school-sync").spec.groups.flatMap((g) => g.rules.map((r) => r.annotations.runbook_url));
    assert.deepEqual(links.filter((l) => !l.startsWith("https://wiki.example.org/usher/runbook#usher")), []);
  });
  it("are nobody with a password", () => assert.deepEqual(Object.values(pods).flatMap((p) => p.spec.containers[0].env.map((e) => e.name)).filter((n) => n.includes("NATS_PASSWORD")), []));
});

describe("the chart refuses", () => {
  for (const [set, want] of Object.entries({
    "image.digest=1234": /digest/,
    "fullnameOverride=Not_A_Name": /fullnameOverride/,
    "ca.configMap=company-ca": /'\/ca'/,
    "ingest.ingress.enabled=true": /ingress/,
    "ingest.httpRoute.enabled=true": /httpRoute/,
    "extraEnv[0].name=USHER_LEAD_PASSWORD,extraEnv[0].value=secret": /extraEnv/,
    "nodeselector.a=b": /nodeselector/,
    "worker.tolerations=all": /tolerations/,
    "monitoring.prometheusRule.runbook=runbook.md": /runbook/,
  })) it(set, () => assert.match(refused(...set.split(/,(?=extra)/)), want));
});
