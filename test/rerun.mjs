// Runs files of tests by node --test, two at a time, and runs a file that fails again,
// twice at most. More than five failed files are not run again. The directory of the
// environment variable RERUNS gets the list of files that were run again.
//   node rerun.mjs FILE...

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const files = process.argv.slice(2);
const reruns = 2, mostFailures = 5;

if (files.length === 0) {
  console.error("usage: node rerun.mjs FILE...");
  process.exit(2);
}

let failed = await runAll(files);
const again = new Map(failed.map((file) => [file, 0]));
for (let i = 0; i < reruns && failed.length > 0 && failed.length <= mostFailures; i++) {
  for (const file of failed) again.set(file, again.get(file) + 1);
  console.log(`\nrun again: ${failed.join(" ")}`);
  failed = await runAll(failed);
}
if (process.env.RERUNS) {
  mkdirSync(process.env.RERUNS, { recursive: true });
  const lines = Array.from(again).filter(([, times]) => times > 0).map(([file, times]) => `${file}: run again ${times} times, ${failed.includes(file) ? "failed" : "passed"}\n`);
  writeFileSync(join(process.env.RERUNS, `node-${basename(process.cwd())}.txt`), lines.join(""));
}
process.exitCode = failed.length > 0 ? 1 : 0;

// runAll runs files, two at a time, and returns those that failed.
async function runAll(list) {
  const left = [...list], failures = [];
  const worker = async () => {
    for (let file; (file = left.shift()); ) if (!(await run(file))) failures.push(file);
  };
  await Promise.all([worker(), worker()]);
  return failures;
}

// run runs one file, prints the output at the end, and returns whether all tests passed.
function run(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--test", "--test-reporter=spec", file], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding("utf8").on("data", (part) => (text += part));
    child.on("close", (code) => {
      process.stdout.write(`\n${file}\n${text}`);
      resolve(code === 0);
    });
  });
}
