// Checks the deployment files: the image, compose, the chart, the unit, the workflows. For each check
// a test shows a detected fault. Run by `make check-deploy`, which installs the tools.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import yaml from "js-yaml";

import * as files from "./manifests.mjs";
import { promtool } from "./promtool.mjs";

const { changed, render, refused, text, valueFiles } = files;
const chart = "deploy/helm/usher";

// notices asserts that a check reports a matching fault in a changed file.
const notices = (file, change, check, want) => assert.match(changed(file, change, (at) => check(at)).join("\n"), want);

describe("the chart", () => {
  for (const values of valueFiles) {
    it(`has no kube-score faults with ${values}`, () => assert.deepEqual(files.scoreFaults(render(values)), []));
    it(`has pods with valid settings of usher with ${values}`, () => assert.deepEqual(files.startFaults(render(values)), []));
  }
  it("has valid KEDA triggers for every vendor", () => {
    const full = render("full.yaml");
    assert.deepEqual(files.scalerFaults(full), []);
    assert.equal(files.objects(full, "ScaledObject").length, 2);
  });
  it("creates the consumers before the scalers", () => {
    const [job] = files.objects(render("full.yaml"), "Job");
    assert.equal(job.metadata.annotations["helm.sh/hook"], "pre-install,pre-upgrade");
    assert.deepEqual(job.spec.template.spec.containers[0].args, ["nats", "apply"]);
  });
  it("has the alerts", () => {
    assert.equal(text(`${chart}/files/alerts.yaml`), text("deploy/prometheus/alerts.yaml"));
    const [rule] = files.objects(render("full.yaml"), "PrometheusRule");
    const { runbook } = yaml.load(text(`${chart}/values.yaml`)).monitoring.prometheusRule;
    assert.deepEqual(rule.spec, yaml.load(text("deploy/prometheus/alerts.yaml").replaceAll("docs/runbook.md#", `${runbook}#`)));
  });
  it("gives the settings of ingest to ingest only", () => {
    const configs = Object.fromEntries(files.objects(render("full.yaml"), "ConfigMap").map((o) => [o.metadata.name, yaml.load(o.data["usher.yaml"])]));
    const own = Object.entries(configs).filter(([, c]) => c.webhooks || c.console || c.http.clients).map(([name]) => name);
    assert.deepEqual(own, ["u-ingest"]);
    assert.deepEqual(Object.keys(configs).sort(), ["u-apply", "u-ingest", "u-worker"]);
    for (const c of Object.values(configs)) assert.deepEqual(c.courses, { "go-basics": { lead: 12 } });
  });
  it("lets ingest be the operator on NATS, and no worker", () => {
    const users = Object.fromEntries(files.objects(render("full.yaml"), "Deployment", "Job").map((o) => [o.metadata.name, o.spec.template.spec.containers[0].env.find((e) => e.name === "USHER_NATS_USER").value]));
    assert.deepEqual(users, { "u-apply": "operator", "u-ingest": "operator", "u-lead": "usher", "u-usermost": "usher" });
  });
  it("runs a further command as the operator, as in README.md", () => {
    const [, args] = /helm template usher \S+ -f values.yaml (.+) \| kubectl/.exec(text("deploy/README.md"));
    const { good, out, said } = files.run("/bin/sh", ["-c", `.tools/helm template usher ${chart} -f ${chart}/ci/full.yaml ${args}`]);
    assert.ok(good, said);
    assert.deepEqual(files.objects(out, "Job")[0].spec.template.spec.containers[0].args, ["dead", "list"]);
  });
  const activity = (...set) => files.consumers(render("full.yaml", undefined, ...set)).filter((c) => c.endsWith("-activity"));
  const meiro = ["vendors.meiro.secrets.USHER_MEIRO_PASSWORD.name=meiro", "vendors.meiro.secrets.USHER_MEIRO_PASSWORD.key=password"];
  for (const [set, want] of [
    [[], ["usermost"]],
    [["vendors.usermost.activity=false"], []],
    [["vendors.lead.activity=true"], ["lead", "usermost"]],
    [meiro, ["usermost"]],
    [[...meiro, "vendors.meiro.env.USHER_MEIRO_COLLECT_URL=https://school.example/collect"], ["meiro", "usermost"]],
    [[...meiro, "config.vendors.meiro.collect_url=https://school.example/collect"], ["meiro", "usermost"]],
  ]) it(`scales ${want.join(" and ") || "nobody"} on activity with ${set.join(" ") || "nothing set"}`, () => assert.deepEqual(activity(...set), want.map((v) => `EVENTS/usher-${v}-activity`)));
  const lets = (...set) => files.policies(render("full.yaml", undefined, ...set));
  const peers = (policy) => policy.ingress.map((r) => r.from[0].namespaceSelector.matchLabels?.["kubernetes.io/metadata.name"] ?? "all");
  it("lets in the configured peers", () => assert.deepEqual([peers(lets().ingest), peers(lets().worker)], [["gateway", "monitoring"], ["monitoring"]]));
  it("lets only configured peers send events", () => assert.deepEqual(peers(lets("networkPolicy.monitoringFrom=null").ingest), ["gateway"]));
  it("lets in all peers without configured peers", () => assert.deepEqual(peers(lets("networkPolicy.monitoringFrom=null", "networkPolicy.ingestFrom=null").ingest), ["all"]));
  it("lets out the configured traffic", () => {
    for (const component of ["ingest", "worker"]) assert.ok(JSON.stringify(lets()[component].egress).includes('"port":4318'), component);
  });
  it("gives the secrets of a vendor to its own worker only", () => {
    for (const o of files.objects(render("full.yaml"), "Deployment")) {
      const got = /USHER_(LEAD|USERMOST)_\w+_FILE/.exec(JSON.stringify(o))?.[1].toLowerCase();
      assert.equal(got && `u-${got}`, o.metadata.labels["usher-vendor"] && o.metadata.name);
    }
  });
});

describe("rejected values", () => {
  for (const [set, want] of Object.entries({
    "nats.url=http://nats:4222": /\/nats\/url/,
    "nats.replicas=2": /\/nats\/replicas/,
    "nats.passwordSecret.name=": /\/nats\/passwordSecret/,
    "nats.certSecret.name=tls,nats.certSecret.key=tls.crt": /keySecret/,
    "nats.operator.keySecret.name=tls,nats.operator.keySecret.key=tls.key": /certSecret/,
    "ingest.nats.nkeySecret.name=": /nkeySecret/,
    "image.tag=latest": /\/image\/tag/,
    "ingest.replicas=0": /\/ingest\/replicas/,
    "ingest.tokensSecret=null": /tokensSecret/,
    "worker.shutdownSeconds=soon": /\/worker\/shutdownSeconds/,
    "vendors.lead.secrets=null": /\/vendors\/lead/,
    "vendors.lead.env.USHER_LEAD_PASSWORD=hush": /USHER_LEAD_PASSWORD/,
    "vendors.lead.minReplica=1": /minReplica/,
    "keda.monitoring=http://nats:8222": /\/keda\/monitoring/,
    "keda.monitoring=": /where is the monitoring port/,
    "config.workers.ack_wait=1s": /workers/,
    "nats.user=": /\/nats\/user/,
    "nats.operator.user=": /\/nats\/operator\/user/,
    "ingest.nats.user=": /\/ingest\/nats\/user/,
    "nats.url=nats://nats:4333": /nats.port: it is 4222, but nats.url has 4333/,
    "nats.url=wss://nats": /but nats.url has 443/,
    "vendors.lead.env.PATH=/": /PATH/,
    "ingest.files.CRM.name=crm": /CRM/,
    "ingest.enabled=false,vendors.usermost.minReplicas=0": /no process runs all the time/,
    "typo=1": /typo/,
  })) it(set, () => assert.match(refused(set), want));
  for (const set of ["vendors.lead.minReplicas=1", "nats.url=wss://nats,nats.port=443", "vendors.lead.env.GOGC=50", "ingest.enabled=false"]) it(`but not ${set}`, () => assert.equal(refused(set), ""));
});

describe("detected in the chart", () => {
  const template = (name) => `${chart}/templates/${name}`;
  it("an invalid template", () => notices(template("ingest.yaml"), (t) => t.replace("{{- end }}", ""), (at) => files.lint("full.yaml", at), /template/));
  it("a misspelt member of a pod", () => notices(template("_helpers.tpl"), (t) => t.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"), (at) => files.schemaFaults(render("full.yaml", at)), /readOnlyRootFileSystem.*not allowed/));
  it("a misspelt member of a ScaledObject", () => notices(template("workers.yaml"), (t) => t.replace("minReplicaCount", "minReplicas"), (at) => files.schemaFaults(render("full.yaml", at)), /minReplicas.*not allowed/));
  it("a misspelt member of a ServiceMonitor", () => notices(template("monitoring.yaml"), (t) => t.replace("endpoints:", "endpoint:"), (at) => files.schemaFaults(render("full.yaml", at)), /endpoint/));
  it("a pod that may write everywhere", () => notices(template("_helpers.tpl"), (t) => t.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"), (at) => files.scoreFaults(render("full.yaml", at)), /writable root filesystem/i));
  it("a pod without a network policy", () => notices(template("network.yaml"), (t) => t.replace('range $component := list "ingest" "worker"', 'range $component := list "ingest"'), (at) => files.scoreFaults(render("full.yaml", at)), /NetworkPolicy/i));
  it("a trigger without its stream", () => notices(template("workers.yaml"), (t) => t.replace(/^ +stream: .*\n/m, ""), (at) => files.scalerFaults(render("full.yaml", at)), /stream is missing/));
  it("a trigger with an unknown member", () => notices(template("workers.yaml"), (t) => t.replace("lagThreshold:", "lagTreshold:"), (at) => files.scalerFaults(render("full.yaml", at)), /lagTreshold is nothing/));
  it("a trigger without an account", () => notices(template("workers.yaml"), (t) => t.replace(/^ +account: .*\n/m, ""), (at) => files.scalerFaults(render("full.yaml", at)), /account is missing/));
  it("an unknown setting of usher", () => notices(`${chart}/ci/full.yaml`, (t) => t.replace("go-basics:", "go-basics: {nobody: 1}\n    other:"), (at) => files.startFaults(render("full.yaml", at)), /is not the name of a vendor/));
  it("a secret that is not mounted", () => notices(template("_helpers.tpl"), (t) => t.replace('value: /run/secrets/usher/{{ $name }}}', 'value: /run/secrets/usher/{{ $name | lower }}}'), (at) => files.startFaults(render("full.yaml", at)), /is not mounted/));
  it("a file of usher.yaml that is not mounted", () => notices(`${chart}/ci/full.yaml`, (t) => t.replace(/^ +crm-hooks: .*\n/m, ""), (at) => files.startFaults(render("full.yaml", at)), /u-ingest: usher.yaml: crm-hooks is not mounted/));
  it("a worker with settings for files of ingest", () => notices(template("_helpers.tpl"), (t) => t.replace('ne .component "ingest"', 'ne .component "worker"'), (at) => files.startFaults(render("full.yaml", at)), /u-lead: usher.yaml: crm is not mounted/));
  it("a rollout that refuses connections", () => notices(template("ingest.yaml"), (t) => t.replace(' "linger" 5', ""), (at) => files.startFaults(render("full.yaml", at)), /u-ingest: it refuses connections/));
  it("memory without GOMEMLIMIT", () => notices(template("_helpers.tpl"), (t) => t.replace("mulf 0.9", "mulf 1.9"), (at) => files.startFaults(render("full.yaml", at)), /GOMEMLIMIT is 486MiB, of 256Mi/));
  it("a pod that is killed too early", () => notices(template("workers.yaml"), (t) => t.replace("(add $root.Values.worker.shutdownSeconds 15)", "10"), (at) => files.startFaults(render("full.yaml", at)), /killed before/));
});

describe("the image", () => {
  const file = text("deploy/Dockerfile");
  it("has no faults", () => assert.deepEqual(files.dockerfileFaults(file), []));
  it("is built with the Go version of releases", () => assert.equal(/golang:([\d.]+)/.exec(file)[1], /^toolchain go(\S+)$/m.exec(text("go.mod"))[1]));
  for (const [name, [change, want]] of Object.entries({
    "a base that moves": [(t) => t.replace(/golang:\S+/, "golang:latest"), /golang:latest is not pinned/],
    "an instruction that there is not": [(t) => t.replace("EXPOSE", "EXPOSED"), /EXPOSED|Unknown/],
    "a flag that there is not": [(t) => t.replace("--interval", "--intervall"), /intervall/],
    "root": [(t) => t.replace(/^USER .*\n/m, ""), /runs as root/],
    "no health check": [(t) => t.replace(/^HEALTHCHECK.*\n/m, ""), /its own health/],
    "no certificates": [(t) => t.replace(/^COPY .*ca-certificates.*\n/m, ""), /trusts no certificate/],
    "paths of the machine in the binary": [(t) => t.replace("-trimpath ", ""), /not the same for all/],
  })) it(`with ${name} is detected`, () => assert.match(files.dockerfileFaults(change(file)).join("\n"), want));
});

describe("compose", () => {
  const both = ["compose.yaml", "compose.sandbox.yaml"];
  it("has no faults", () => assert.deepEqual(files.composeFaults(["compose.yaml"]), []));
  it("has no faults with the sandbox", () => assert.deepEqual(files.composeFaults(both), []));
  const plant = (change, want, list = ["compose.yaml"]) => () => notices("deploy/compose.yaml", change, (at) => files.composeFaults(list, at), want);
  it("with a misspelt key is detected", plant((t) => t.replace("mem_limit", "memory_limit"), /memory_limit/));
  it("without a dependency is detected", plant((t) => t.replace("apply: {condition", "aply: {condition"), /aply/));
  it("without a limit of memory is detected", plant((t) => t.replace(/^ +mem_limit: 512m\n/m, ""), /no limit of memory/));
  it("with an unpinned image is detected", plant((t) => t.replace(/nats:2\S+/, "nats:latest"), /nats:latest is not pinned/));
  it("with a password in plain text is detected", plant((t) => t.replace("USHER_NATS_PASSWORD_FILE: /run/secrets/nats_usher", "USHER_NATS_PASSWORD: hush"), /stands in the open/));
  it("with an unmounted secret is detected", plant((t) => t.replace(/^ +- nats_operator\n/m, ""), /nats_operator is not mounted/));
  it("without GOMEMLIMIT is detected", plant((t) => t.replace(/^ +GOMEMLIMIT: .*\n/m, ""), /GOMEMLIMIT is undefined/));
  it("with a wrong GOMEMLIMIT is detected", plant((t) => t.replace("mem_limit: 512m", "mem_limit: 1g"), /GOMEMLIMIT is 460MiB, of 1g/));
  it("without a file included by NATS is detected", plant((t) => t.replaceAll("target: /etc/nats/passwords.conf", "target: /etc/passwords.conf"), /passwords.conf is included and not mounted/));
  const own = /```yaml\n(x-yours[^]+?)```/.exec(text("deploy/README.md"))[1];
  const prepared = (change, want) => () => {
    const faults = files.changed("deploy/README.md", (t) => t + "\n", (at) => {
      files.write(at, "deploy/compose.vendors.yaml", change(own));
      files.write(at, "deploy/usher.yaml", text("deploy/usher.example.yaml"));
      const { good, said } = files.run("/bin/bash", ["-euc", files.readme("One machine: compose", /^docker compose/)], { cwd: at });
      assert.ok(good, said);
      files.write(at, "deploy/secrets/lead_password", "hush");
      const missing = files.secretFaults(["compose.yaml", "compose.vendors.yaml"], at);
      return [...files.composeFaults(["compose.yaml", "compose.vendors.yaml"], at), ...missing];
    });
    assert.match(faults.join("\n"), want);
  };
  it("has no faults with the files from README.md", prepared((t) => t, /^$/));
  it("with an unmounted secret of a vendor is detected", prepared((t) => t.replace("  secrets: [lead_password]\n", ""), /lead_password is not mounted/));
  it("with a secret missing in README.md is detected", prepared((t) => t.replace("./secrets/lead_password", "./secrets/other"), /there is no .*secrets\/other/));
  it("keeps files of the operator out of the repository", () => {
    const yours = ["compose.vendors.yaml", "nats/passwords.conf", "secrets/nats_usher", "usher.env", "usher.yaml"].map((name) => `deploy/${name}`);
    assert.deepEqual(files.ignored(...yours, "deploy/compose.yaml"), yours);
  });
  it("with a missing file is detected", plant((t) => t.replace("./prometheus/alerts.yaml", "./prometheus/alert.yaml"), /there is no .*alert.yaml/));
  it("has the NATS server version of the tests", () => {
    const tested = /nats-server\/v2 v(\S+)/.exec(text("go.mod"))[1];
    assert.match(text("deploy/compose.yaml"), new RegExp(`image: docker.io/library/nats:${tested}-`));
  });
  it("has the settings printed by usher sandbox", async () => {
    const own = yaml.load(text("deploy/compose.sandbox.yaml")).services["usher-1"].environment;
    assert.deepEqual(own, await files.sandboxEnvironment("sandbox:8090"));
  });
  it("has a valid configuration of Prometheus", () => {
    const { good, text: said } = promtool(["check", "config", files.root + "deploy/prometheus/prometheus.yaml"]);
    assert.ok(good, said);
  });
  it("scrapes existing services", () => {
    const targets = yaml.load(text("deploy/prometheus/prometheus.yaml")).scrape_configs.flatMap((s) => s.static_configs.flatMap((c) => c.targets));
    const { services } = yaml.load(text("deploy/compose.yaml"));
    for (const target of targets) assert.ok(target.split(":")[0] in services, target);
  });
});

describe("the unit", () => {
  const unit = text("deploy/systemd/usher.service");
  it("has no faults", () => assert.deepEqual(files.unitFaults(unit), []));
  it("with less protection is detected", () => assert.match(files.unitFaults(unit.replace("ProtectSystem=strict", "ProtectSystem=no")).join(), /ProtectSystem is not strict/));
  it("that stops too early is detected", () => assert.match(files.unitFaults(unit.replace("TimeoutStopSec=30", "TimeoutStopSec=5")).join(), /killed before/));
  const secret = (of) => of.replace("LoadCredential=miestro-api-key:", "LoadCredential=key:");
  const whole = unit.replace(/^#(?=LoadCredential|Environment)/gm, "");
  it("has no faults with the commented secrets", () => assert.deepEqual(files.unitFaults(whole), []));
  it("with a secret that is not loaded is detected", () => assert.match(files.unitFaults(secret(whole)).join(), /miestro-api-key is not loaded/));
  it("needs only files from README.md", () => {
    const made = files.readme("One machine: systemd", /^systemctl/);
    for (const [, file] of unit.matchAll(/^LoadCredential=\S+?:(\S+)$/gm)) assert.ok(made.includes(`>${file}`), file);
  });
  it("lets commands connect with the token", () => assert.match(unit, /^Environment=USHER_NATS_TOKEN_FILE=.*\nEnvironment=USHER_NATS_EMBEDDED_ADDR=127.0.0.1:4222$/m));
  const score = files.exposure(unit);
  it("has a good systemd-analyze score", { skip: score === null && "needs systemd" }, () => {
    assert.ok(score <= 1.5, `exposure ${score}`);
    assert.ok(files.exposure(unit.replace(/^(Protect|Private|Restrict|System|Capability).*\n/gm, "")) > 4);
  });
});

describe("a release", { concurrency: 1 }, () => {
  it("is the same on every machine, with version and SBOM", () => {
    const [here, there] = [files.release("v0.0.1"), files.release("v0.0.1", { elsewhere: true })];
    assert.equal(here.sums, there.sums);
    assert.equal(here.version, "v0.0.1");
    const sbom = JSON.parse(here.sbom);
    const modules = sbom.components.map((c) => `${c.name}@${c.version}`);
    for (const want of here.modules) assert.ok(modules.includes(want), want);
    assert.equal(modules.length, here.modules.length + 1); // plus the standard library
    assert.equal(sbom.metadata.component.version, "v0.0.1");
  });
  it("with a build time is detected", () => {
    const timed = (t) => t.replace("main.release=$version", "main.release=$version-$(date +%N)");
    assert.notEqual(files.release("v0.0.1", { elsewhere: true, change: timed }).sums, files.release("v0.0.1", { elsewhere: true, change: timed }).sums);
  });
  it("has a version", () => assert.throws(() => files.release("1.0"), /usage/));
});

describe("the release's steps", () => {
  const steps = yaml.load(text(".github/workflows/release.yml")).jobs.release.steps.map((s) => s.name ?? s.uses);
  const version = yaml.load(text(`${chart}/Chart.yaml`)).appVersion;
  it("begin with the chart's version", () => {
    assert.ok(files.releaseStep("The chart names this version", version).good);
    assert.ok(!files.releaseStep("The chart names this version", "v9.9.9").good);
    assert.equal(steps.findIndex((s) => s.startsWith("The chart")), 2);
  });
  it("end with the image, the provenances and the publication", () => assert.deepEqual(steps.slice(-4), ["Image", "Signed provenance of the binaries and their sums", "Signed provenance of the image", "Publish"]));
  it("mark prereleases", () => {
    assert.match(files.releaseStep("Publish", "v1.2.3-rc.1").out, /^release create v1.2.3-rc.1 .*--prerelease /);
    assert.doesNotMatch(files.releaseStep("Publish", "v1.2.3").out, /prerelease/);
  });
});

describe("the workflows and scripts", () => {
  it("the workflows have no faults", () => assert.deepEqual(files.workflowFaults(), []));
  const plant = (change, want) => () => notices(".github/workflows/ci.yml", change, files.workflowFaults, want);
  it("an unknown key is detected", plant((t) => t.replace("runs-on", "run-on"), /run-on/));
  it("an unknown context is detected", plant((t) => t.replace("github.ref }}", "github.reff }}"), /reff/));
  it("an action without a version is detected", plant((t) => t.replace(/actions\/checkout@\S+/, "actions/checkout"), /actions\/checkout/));
  it("an error in a step's script is detected", plant((t) => t.replace('[ "$state" = healthy ]', "[ $stat = healthy ]"), /SC2/));
  for (const name of files.scripts()) it(`${name} has no faults`, () => assert.deepEqual(files.scriptFaults(text(name)), []));
  it("an unquoted variable is detected", () => assert.match(files.scriptFaults("#!/usr/bin/env bash\nrm $1/*\n").join("\n"), /SC2086/));
  it("there are scripts to check", () => assert.ok(files.scripts().includes("scripts/release.sh")));
});
