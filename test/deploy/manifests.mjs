// Checks the deployment files by their tools. Each function returns the faults, one per line. No check
// uses the network.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import yaml from "js-yaml";

const require = createRequire(import.meta.url);
export const root = fileURLToPath(new URL("../../", import.meta.url));
const tools = join(root, ".tools");
const chart = "deploy/helm/usher";
export const valueFiles = ["full.yaml", "small.yaml", "tls.yaml", "placed.yaml"];

export const text = (name) => readFileSync(join(root, name), "utf8");

// run runs a tool, and returns whether the tool succeeded, and the output.
export function run(program, args, { input = "", cwd = root, env = process.env } = {}) {
  const done = spawnSync(program.includes("/") || program === "shellcheck" ? program : join(tools, program), args, { input, cwd, env, encoding: "utf8", timeout: 120_000, maxBuffer: 1 << 26 });
  if (done.error) throw new Error(`${program} does not run (${done.error.message}): make check-deploy installs it`);
  return { good: done.status === 0, out: done.stdout, said: (done.stdout + done.stderr).trim() };
}

// changed runs a check on a copy of the deployment files with one changed file.
export function changed(file, change, check) {
  const dir = mkdtempSync(join(tmpdir(), "usher-files-"));
  try {
    for (const name of ["deploy", ".github"]) cpSync(join(root, name), join(dir, name), { recursive: true });
    const before = readFileSync(join(dir, file), "utf8"), after = change(before);
    if (before === after) throw new Error(`${file}: nothing was changed`);
    writeFileSync(join(dir, file), after);
    return check(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

// write writes a file in a copy.
export function write(at, name, content) {
  mkdirSync(dirname(join(at, name)), { recursive: true });
  writeFileSync(join(at, name), content);
}

// lint returns the faults found by helm in the chart with some values.
export function lint(values, at = root) {
  const { good, said } = run("helm", ["lint", "--strict", "--quiet", chart, "-f", join(chart, "ci", values)], { cwd: at });
  return good ? [] : [said];
}

// refused returns the error of the chart for the values of full.yaml with one value set.
export function refused(...set) {
  const { good, said } = run("helm", ["template", "u", chart, "-f", `${chart}/ci/full.yaml`, ...set.flatMap((s) => ["--set", s])]);
  return good ? "" : said;
}

// render returns the rendered chart with some values set.
export function render(values, at = root, ...set) {
  const { good, out, said } = run("helm", ["template", "u", chart, "-f", join(chart, "ci", values), ...set.flatMap((s) => ["--set", s])], { cwd: at });
  if (!good) throw new Error(said);
  return out;
}

export function schemaFaults(manifests) {
  const { good, said } = run("kubeconform", ["-strict", "-schema-location", join(tools, "k8s-schemas", "{{.ResourceKind}}{{.KindSuffix}}.json"), "-"], { input: manifests });
  return good ? [] : said.split("\n");
}

// unscored lists omitted checks of kube-score: image tags never move, and the scaler sets the number of
// workers.
const unscored = ["container-image-pull-policy", "deployment-replicas"];

export function scoreFaults(manifests) {
  const { good, said } = run("kube-score", ["score", "--kubernetes-version", "v1.30", "--output-format", "ci", ...unscored.flatMap((name) => ["--ignore-test", name]), "-"], { input: manifests });
  return good ? [] : said.split("\n").filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line));
}

export const objects = (manifests, ...kinds) => yaml.loadAll(manifests).filter((o) => o && (!kinds.length || kinds.includes(o.kind)));

// scalerFaults checks the triggers of ScaledObjects against the scalers of KEDA.
export function scalerFaults(manifests) {
  const known = new Map(JSON.parse(readFileSync(join(tools, "k8s-schemas/scalers-schema.json"), "utf8")).scalers.map((s) => [s.type, s.parameters]));
  const faults = [], all = objects(manifests, "ScaledObject");
  for (const o of all) {
    for (const { type, metadata } of o.spec.triggers) {
      const fault = (why) => faults.push(`${o.metadata.name}, ${metadata.consumer ?? type}: ${why}`);
      const takes = known.get(type);
      if (!takes) { fault(`KEDA has no scaler ${type}`); continue; }
      for (const p of takes) if (!p.optional && p.default === undefined && !(p.name in metadata)) fault(`${p.name} is missing`);
      if (type === "nats-jetstream" && !metadata.account && !metadata.accountID) fault("account is missing"); // required by KEDA's code, but not by the schema
      for (const [name, value] of Object.entries(metadata)) {
        if (!takes.some((p) => p.name === name)) fault(`${name} is nothing that KEDA reads`);
        if (typeof value !== "string") fault(`${name} is no text`);
      }
    }
  }
  return faults;
}

// consumers returns the consumers read by the scalers, as stream/consumer.
export const consumers = (manifests) => objects(manifests, "ScaledObject").flatMap((o) => o.spec.triggers.map(({ metadata }) => `${metadata.stream}/${metadata.consumer}`));

// policies returns the allowed traffic of the network policies, by component.
export const policies = (manifests) => Object.fromEntries(objects(manifests, "NetworkPolicy").map(({ spec }) => [spec.podSelector.matchLabels["app.kubernetes.io/component"], spec]));

const secretFiles = "/run/secrets/usher/";

let pair; // of a certificate and its key

// contentOf returns text for a secret: a certificate or a key by the name of the file, else some text.
function contentOf(secret) {
  const kind = /\.(pem|crt|key)$/.exec(secret)?.[1];
  if (!kind) return `something-secret-${secret}`;
  if (!pair) {
    const text = execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=usher.test", "-keyout", "-"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const part = (name) => text.match(new RegExp(`-----BEGIN ${name}-----[^]+?-----END ${name}-----\n`))[0];
    pair = { crt: part("CERTIFICATE"), key: part("PRIVATE KEY") };
  }
  return kind === "key" || secret.endsWith("-key.pem") ? pair.key : pair.crt;
}

// startFaults checks by usher whether every pod can start with the settings and some text in each
// secret, and whether the pod ends in time.
export function startFaults(manifests) {
  const faults = [], dir = mkdtempSync(join(tmpdir(), "usher-pod-"));
  const services = objects(manifests, "Service");
  const configs = new Map(objects(manifests, "ConfigMap").map((o) => [o.metadata.name, o.data["usher.yaml"]]));
  const put = (name, content) => { const path = join(dir, name); mkdirSync(dirname(path), { recursive: true }); writeFileSync(path, content); return path; };
  try {
    for (const o of objects(manifests, "Deployment", "Job")) {
      const pod = o.spec.template.spec, [container] = pod.containers, fault = (why) => faults.push(`${o.kind} ${o.metadata.name}: ${why}`);
      const mounted = (pod.volumes.find((v) => v.name === "secrets")?.projected.sources ?? []).flatMap((s) => s.secret.items.map((i) => i.path));
      const env = { PATH: process.env.PATH, HOME: dir };
      const config = configs.get(pod.volumes.find((v) => v.name === "config").configMap.name) ?? "";
      const named = [...container.env.map(({ name, value }) => [name, value]), ...Array.from(config.matchAll(/: ["']?(\/run\/secrets\/\S+?)["']?$/gm), ([, path]) => ["usher.yaml", path])];
      for (const [name, value] of named) {
        const secret = value.startsWith(secretFiles) && value.slice(secretFiles.length);
        if (secret && !mounted.includes(secret)) fault(`${name}: ${secret} is not mounted`);
        if (secret) put(secret, contentOf(secret));
        env[name] = name === "USHER_CONFIG" ? put("usher.yaml", config.replaceAll(secretFiles, dir + "/")) : secret ? join(dir, secret) : value;
      }
      const { good, said } = run(join(root, "usher"), ["config", "check"], { cwd: dir, env });
      // A vendor of config.vendors is off in the pods of other vendors.
      if (!good || /^warning(?!\s+\w+ has settings but is off)/m.test(said)) fault(said);
      const shutdown = Number(/shutdown: (\d+)s/.exec(config)[1]), linger = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
      if (pod.terminationGracePeriodSeconds <= shutdown + linger) fault("it is killed before worker.shutdown has passed");
      if (services.some((s) => s.metadata.name === o.metadata.name) && linger < 5) fault("it refuses connections while some are still sent to it");
      const memory = container.resources.limits.memory;
      if (env.GOMEMLIMIT !== `${Math.floor(Number.parseInt(memory) * 0.9)}MiB`) fault(`GOMEMLIMIT is ${env.GOMEMLIMIT}, of ${memory}`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
  return faults;
}

// dockerfileFaults returns the faults found by two linters, and missing properties of the image.
export function dockerfileFaults(content) {
  // dockerfilelint does not support these flags. A check below requires pinned base images.
  const flags = { invalid_format: /^HEALTHCHECK --/, missing_tag: /^FROM --platform=/ };
  const lines = content.split("\n");
  const faults = require("dockerfile-utils").validate(content).map((d) => `line ${d.range.start.line + 1}: ${d.message}`);
  for (const f of require("dockerfilelint").run("/", content)) {
    if (!flags[f.rule]?.test(lines[f.line - 1])) faults.push(`line ${f.line}: ${f.title}: ${f.description}`);
  }
  const last = content.slice(content.lastIndexOf("\nFROM "));
  for (const [, image] of content.matchAll(/^FROM (?:--\S+ )*(\S+)/gm)) if (image !== "scratch" && !/:\d+\.\d+\.\d+/.test(image)) faults.push(`${image} is not pinned`);
  for (const [want, why] of [[/^\nFROM scratch$/m, "the image is not made from scratch"], [/^USER [1-9]\d*(:\d+)?$/m, "it runs as root"], [/^HEALTHCHECK .*CMD \["\/usher", "health"\]$/m, "usher does not check its own health"], [/ca-certificates\.crt/, "it trusts no certificate"]]) if (!want.test(last)) faults.push(why);
  if (!/go build -trimpath -buildvcs=false/.test(content)) faults.push("the binary is not the same for all");
  return faults;
}

// composeFaults returns the faults found by the reference implementation of Compose, and missing
// properties of our services.
export function composeFaults(files, at = root) {
  const dir = join(at, "deploy");
  const { good, out, said } = run(join(tools, "compose-go/cmd"), ["-format", "json", ...files], { cwd: dir });
  if (!good) return [said];
  const project = JSON.parse(out), faults = [];
  for (const [name, s] of Object.entries(project.services)) {
    const fault = (why) => faults.push(`${name}: ${why}`);
    if (!s.healthcheck) fault("no healthcheck");
    if (!s.mem_limit) fault("no limit of memory");
    if (!s.restart) fault("nothing starts it again");
    if (!/:(\d+\.\d+|v\d+\.\d+|local|v?\$)/.test(s.image)) fault(`${s.image} is not pinned`);
    const env = Array.isArray(s.environment) ? Object.fromEntries(s.environment.map((e) => e.split(/=(.*)/s))) : (s.environment ?? {});
    if (s.image.startsWith("usher:") && s.command[0] === "serve" && env.GOMEMLIMIT !== `${Math.floor(mebibytes(s.mem_limit) * 0.9)}MiB`) fault(`GOMEMLIMIT is ${env.GOMEMLIMIT}, of ${s.mem_limit}`);
    if (s.image.startsWith("usher:") && s.command[0] === "serve" && !(seconds(s.stop_grace_period) > 15)) fault("it is killed before worker.shutdown has passed");
    for (const other of Object.keys(s.depends_on ?? {})) if (!(other in project.services)) fault(`there is no ${other} to wait for`);
    for (const { source, target } of s.secrets ?? []) if (!project.secrets?.[source]) fault(`there is no secret ${target ?? source}`);
    for (const [variable, value] of Object.entries(env)) {
      if (files.length === 1 && /(_SECRET|_PASSWORD|_TOKENS?|_API_KEY|_LICENSE_CODE)$/.test(variable)) fault(`${variable} stands in the open`);
      const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
      if (secret && !s.secrets?.some((x) => x.source === secret)) fault(`${variable}: ${secret} is not mounted`);
    }
    const mounts = [...(s.volumes ?? []), ...(s.secrets ?? [])].map((m) => m.target);
    if (/(^|\/)nats:/.test(s.image)) for (const name of natsIncludes(at)) if (!mounts.includes(`/etc/nats/${name}`)) fault(`${name} is included and not mounted`);
    for (const v of s.volumes ?? []) if (v.type === "bind" && !run("/bin/sh", ["-c", 'test -e "$1"', "sh", v.source]).good) fault(`there is no ${v.source}`);
  }
  return faults;
}

// secretFaults returns the secrets of compose with a missing file or a password of the example.
export function secretFaults(list, at) {
  const dir = join(at, "deploy"), { secrets } = JSON.parse(run(join(tools, "compose-go/cmd"), ["-format", "json", ...list], { cwd: dir }).out);
  const paths = Object.values(secrets).map((s) => s.file);
  const missing = paths.filter((path) => !existsSync(path)).map((path) => `there is no ${path}`);
  return [...missing, ...paths.filter((path) => existsSync(path) && /change-me-/.test(readFileSync(path, "utf8"))).map((path) => `${path} has a password of the example`)];
}

// natsIncludes returns the files included by the files of deploy/nats.
const natsIncludes = (at) => ["nats-server.conf", "users.conf"].flatMap((name) => Array.from(readFileSync(join(at, "deploy/nats", name), "utf8").matchAll(/^include (\S+)/gm), ([, other]) => other));

const mebibytes = (size = "") => Number.parseInt(size) * { m: 1, g: 1024 }[size.slice(-1)];
const seconds = (duration) => Number(/(?:(\d+)m)?(\d+)s/.exec(duration ?? "")?.slice(1).reduce((sum, n) => sum * 60 + Number(n ?? 0), 0) ?? 0);

// unitFaults returns missing properties of a unit, and the faults found by systemd, if installed.
export function unitFaults(content) {
  const faults = [], of = (key) => Array.from(content.matchAll(new RegExp(`^${key}=(.*)$`, "gm")), ([, v]) => v);
  for (const [key, want] of Object.entries({ DynamicUser: "yes", NoNewPrivileges: "yes", ProtectSystem: "strict", ProtectHome: "yes", PrivateTmp: "yes", PrivateDevices: "yes", CapabilityBoundingSet: "", RestrictNamespaces: "yes", MemoryDenyWriteExecute: "yes", Restart: "always" })) {
    if (!of(key).includes(want)) faults.push(`${key} is not ${want || "empty"}`);
  }
  if (!(Number(of("TimeoutStopSec")[0]) > 15)) faults.push("it is killed before worker.shutdown has passed");
  for (const variable of of("Environment")) {
    const [, name, secret] = /^(\w+)=%d\/(.+)$/.exec(variable) ?? [];
    if (secret && !of("LoadCredential").some((c) => c.startsWith(secret + ":"))) faults.push(`${name}: ${secret} is not loaded`);
    if (/(_SECRET|_PASSWORD|_TOKENS?|_API_KEY|_LICENSE_CODE)=/.test(variable)) faults.push(`${variable.split("=")[0]} stands in the open`);
  }
  return faults;
}

// exposure returns the score of systemd-analyze, from 0 (best) to 10; null without systemd.
export function exposure(content) {
  if (spawnSync("systemd-analyze", ["security", "--help"]).status !== 0) return null;
  const dir = mkdtempSync(join(tmpdir(), "usher-unit-"));
  try {
    writeFileSync(join(dir, "usher.service"), content);
    const { said } = run("/usr/bin/env", ["systemd-analyze", "security", "--offline=true", "--no-pager", join(dir, "usher.service")]);
    return Number(/exposure level for .*: ([\d.]+)/.exec(said)?.[1] ?? NaN);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export function workflowFaults(at = root) {
  const workflows = readdirSync(join(at, ".github/workflows")).map((name) => join(at, ".github/workflows", name));
  const { good, said } = run("actionlint", ["-no-color", "-oneline", "-shellcheck", "shellcheck", ...workflows], { cwd: at });
  return good ? [] : said.split("\n");
}

// releaseStep runs the script of a step of the release with a gh that prints the arguments, and returns
// whether the script succeeded, and the output.
export function releaseStep(name, version) {
  const dir = mkdtempSync(join(tmpdir(), "usher-step-"));
  try {
    const step = yaml.load(text(".github/workflows/release.yml")).jobs.release.steps.find((s) => s.name === name);
    writeFileSync(join(dir, "gh"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    return run("/bin/bash", ["-euo", "pipefail", "-c", step.run], { env: { PATH: `${dir}:${process.env.PATH}`, VERSION: version } });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

// readme returns the commands of a section of deploy/README.md, up to the first match of end.
export function readme(section, end) {
  const lines = text("deploy/README.md").split(`\n## ${section}\n`)[1].split("\n## ")[0].split("\n").filter((l) => l.startsWith("    ")).map((l) => l.slice(4));
  return lines.slice(0, lines.findIndex((l) => end.test(l))).join("\n");
}

// ignored returns the files ignored by git.
export const ignored = (...names) => run("/usr/bin/env", ["git", "check-ignore", ...names]).out.split("\n").filter(Boolean);

// sandboxEnvironment returns the variables for usher serve printed by usher sandbox, for a sandbox at host.
export async function sandboxEnvironment(host) {
  const child = spawn(join(root, "usher"), ["sandbox", "--addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const part of child.stdout.setEncoding("utf8")) if ((said += part).includes("USHER_USERMOST_RATE")) child.kill();
  const own = /http:\/\/(\S+)\/state/.exec(said)[1];
  return Object.fromEntries(Array.from(said.matchAll(/^export (\w+)='(.*)'$/gm), ([, name, value]) => [name, value.replace(own, host)]));
}

// release builds a release for the present platform, here or in a copy of the source, and returns the
// properties of the release.
export function release(version, { elsewhere = false, change } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "usher-release-"));
  try {
    const source = elsewhere ? join(dir, "somewhere", "else") : root;
    if (elsewhere) for (const name of git("ls-files", "-co", "--exclude-standard", "*.go", "go.*", "*/assets/*", "*/templates/*", "schemas", "scripts", "cmd", "internal", "vendors", "examples/vendors")) cpSync(join(root, name), join(source, name));
    const script = join(source, "scripts/release.sh");
    if (change) writeFileSync(script, change(readFileSync(script, "utf8")));
    const { good, said } = run(script, [version, join(dir, "out")], { cwd: dir, env: { ...process.env, TARGETS: "linux/amd64" } });
    if (!good) throw new Error(said);
    const sums = readFileSync(join(dir, "out/SHA256SUMS"), "utf8");
    if (!run("/bin/sh", ["-c", "sha256sum -c --quiet SHA256SUMS"], { cwd: join(dir, "out") }).good) throw new Error("the sums are wrong");
    const binary = join(dir, "out", `usher_${version}_linux_amd64`);
    const modules = Array.from(execFileSync("go", ["version", "-m", binary], { encoding: "utf8" }).matchAll(/^\tdep\t(\S+)\t(\S+)/gm), ([, name, v]) => `${name}@${v}`);
    return { sums, modules, sbom: readFileSync(binary + ".cdx.json", "utf8"), version: run(binary, ["--version"]).said };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\n").filter(Boolean);

// scripts returns all shell scripts of the project.
export const scripts = () => git("ls-files", "-co", "--exclude-standard", ".ci", "scripts").filter((name) => text(name).startsWith("#!/usr/bin/env bash"));

export function scriptFaults(content) {
  const { good, said } = run("shellcheck", ["--shell=bash", "--enable=all", "--exclude=SC2250,SC2310,SC2312,SC2292,SC2248", "-"], { input: content });
  return good ? [] : said.split("\n");
}
