/**
 * The oracle: whether what answers after a cut is allowed, and in order. Everything it holds against the server is a
 * line.
 */
import type { Command, Stage, System } from "./phases.ts";
import type { Prepared } from "./prepared.ts";
import { NEXT_MS, pullsAgain, type Ran } from "./pulling.ts";
import { type Look, lookAt, type Server } from "./server.ts";

export function systemOf({ status }: Look): System {
  if (!status.running) return "old";
  // a slot that was confirmed in its trial still has the trial's kernel arguments
  return status.trialRuns && status.slot !== status.running ? `${status.running}?` : status.running;
}

/** What is wrong with the state itself. Nothing of it is needed on a server that was never armed. */
function stateFaults({ state, sizes }: Look, armed: boolean): string[] {
  const { slot = "", trial = "", tries = "", boots = "" } = state;
  const faults: string[] = [];
  const shown = `slot=${slot} trial=${trial} tries=${tries} boots=${boots}`;
  if (!/^[ab]?$/.test(slot) || !/^[ab]?$/.test(trial) || !/^[0-3]?$/.test(tries) || !/^[1-6]?$/.test(boots))
    faults.push(`the state is garbled: ${shown}`);
  if ((trial === "") !== (tries === "")) faults.push(`the state is half written: ${shown}`);
  if (trial !== "" && trial === slot) faults.push(`the confirmed slot is on trial: ${shown}`);
  if (armed && sizes.length === 0) faults.push("the state is gone");
  for (const size of sizes) if (size !== 1024) faults.push(`the environment has ${size} bytes`);
  return faults;
}

/** `console`: the serial line since the power came back. */
export function faultsOf(
  look: Look,
  o: { command: Command; stage: Stage; commits: Prepared["commits"]; console: string; armed: boolean },
): string[] {
  const came = systemOf(look);
  const faults: string[] = [];
  const since = o.stage.since;
  if (!o.stage.allowed.includes(came))
    faults.push(`after "${since}" came up ${came}, allowed is ${o.stage.allowed.join(" or ")}`);
  if (look.debian !== (came === "old")) faults.push(`the agent says ${came}, /etc/os-release something else`);
  if (look.status.running) {
    const commit = o.command.commits[look.status.running];
    const wanted = commit && o.commits[commit];
    if (look.status.checksum !== wanted)
      faults.push(`slot ${look.status.running} runs ${look.status.checksum}, not ${commit} (${wanted})`);
  }
  if (look.status.part !== look.status.partNamed)
    faults.push(`boot part ${look.status.partNamed} is named, and ${look.status.part ?? "none"} started the slot`);
  if (came === "a" || came === "b")
    if (look.status.slot !== came) faults.push(`slot ${came} runs and is not the confirmed one`);
  faults.push(...stateFaults(look, o.armed));
  faults.push(...look.kernel.map((line) => `kernel: ${line}`));
  for (const [said] of o.console.matchAll(/error: (file `[^']*' not found|invalid environment block|.*premature.*)/g))
    faults.push(`GRUB: ${said}`);
  return faults;
}

/** How the command that comes after the cut ended, and what is wrong with it. */
export async function completes(
  server: Server,
  command: Command,
  more: string[],
  commits: Prepared["commits"],
): Promise<string[]> {
  const { fails = false, as } = command.ends;
  const { exitCode, output } = await (command.by === "server"
    ? pullsAgain(server, command)
    : runsAgain(server, [...command.args, ...more]));
  const faults: string[] = [];
  const tail = output.trim().split("\n").slice(-12).join("\n");
  if ((exitCode !== 0) !== fails) faults.push(`the next ${command.args[0]} ended with ${exitCode}: ${tail}`);
  await server.vps.waitSsh(NEXT_MS);
  const look = await lookAt(server.vps);
  const came = systemOf(look);
  if (as === "old") {
    const left = await server.vps.ssh("ls -d /ostree /boot/ostree /boot/grub/pine /boot/grub/custom.cfg 2>/dev/null");
    if (came !== "old") faults.push(`after the next ${command.args[0]}: ${came}`);
    if (left.stdout) faults.push(`left over: ${left.stdout.replaceAll("\n", " ")}`);
  } else if (look.status.checksum !== commits[as] || came !== look.status.slot || look.status.trial)
    faults.push(`after the next ${command.args[0]}: ${came}, ${JSON.stringify(look.state)}`);
  return faults;
}

async function runsAgain(server: Server, args: string[]): Promise<Ran> {
  const timer = setTimeout(() => server.project.end(), NEXT_MS);
  const result = await server.project.start(args).ended;
  clearTimeout(timer);
  return result;
}
