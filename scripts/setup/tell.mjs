/** Messages and processes of the set-up, in plain Node because they run before `npm ci`. */
import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Pine's cache folder of this user. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pine");

/** What went wrong, and what to do about it; printed without a stack. */
export class SetupError extends Error {}

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/**
 * Runs a program to its end: { stdout, stderr, exitCode }. On failure it throws with the last lines of output, unless
 * `ok`. `show`: prints the output. A missing program has exit code 127.
 */
export function run(file, args, { cwd = repository, env = {}, ok = false, show = false, input = undefined } = {}) {
  return new Promise((done, fail) => {
    const stdio = [input === undefined ? "ignore" : "pipe", show ? "inherit" : "pipe", show ? "inherit" : "pipe"];
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (d) => (stdout += d));
    child.stderr?.on("data", (d) => (stderr += d));
    if (input !== undefined) child.stdin.end(input);
    const stop = () => child.kill("SIGKILL");
    process.once("exit", stop);
    const end = (exitCode, why) => {
      process.removeListener("exit", stop);
      if (exitCode === 0 || ok) return done({ stdout, stderr, exitCode });
      const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-25).join("\n");
      fail(new SetupError(`${[file, ...args].join(" ").slice(0, 200)}: ${why}${tail ? `\n${tail}` : ""}`));
    };
    child.on("error", (error) => end(127, error.message));
    child.on("close", (code, signal) => end(code ?? 128, signal ?? `exit code ${code}`));
  });
}

/** Runs a longer step: says what it does, that it is alive every half minute, and how long it took. */
export async function step(what, work) {
  const began = Date.now();
  const seconds = () => `${Math.round((Date.now() - began) / 1000)} s`;
  say(`set-up: ${what} …`);
  const alive = setInterval(() => say(`set-up: … ${seconds()}`), 30_000);
  try {
    const result = await work();
    say(`set-up: done in ${seconds()}`);
    return result;
  } finally {
    clearInterval(alive);
  }
}

/** Runs `main`; an error of the set-up is one message and exit code 1, not a stack. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
  }
}
