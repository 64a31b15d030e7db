/** QEMU's own control socket (QMP), and what of a running machine is kept in a file. */
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";

/** Arguments of a machine that {@link qmp} can talk to, and that begins with what {@link saveMemory} wrote. */
export const qmpArgs = (name: string) => ["-qmp", `unix:${name}.qmp,server=on,wait=off`];
export const incomingArgs = (file: string) => ["-incoming", `exec:cat ${file}`];

type Execute = (command: string, args?: object) => Promise<Record<string, unknown>>;

/** Talks to QEMU `pid`, which was started with {@link qmpArgs} of that name. */
export async function qmp<T>(pid: number, name: string, talk: (execute: Execute) => Promise<T>): Promise<T> {
  const socket = connect(`/proc/${pid}/cwd/${name}.qmp`);
  const said = createInterface(socket)[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, fail) => socket.on("error", fail));
  failed.catch(() => {});
  const next = async () => {
    const { value, done } = await Promise.race([said.next(), failed]);
    return done ? die(`QEMU ${name} ended`) : JSON.parse(value);
  };
  const execute: Execute = async (command, args = {}) => {
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    for (;;) {
      const answer = await next();
      if (answer.error) die(`QEMU ${name}: ${command}: ${answer.error.desc}`);
      if ("return" in answer) return answer.return; // else an event
    }
  };
  try {
    await next(); // the greeting
    await execute("qmp_capabilities");
    return await talk(execute);
  } finally {
    socket.destroy();
  }
}

/** Stops the machine and writes its memory to a file. Its disk has everything flushed then. */
export async function saveMemory(pid: number, name: string, file: string): Promise<void> {
  await qmp(pid, name, async (execute) => {
    await execute("stop");
    await execute("migrate-set-parameters", { "max-bandwidth": 10 ** 11 });
    await execute("migrate", { uri: `exec:cat >${file}` });
    for (; ; await sleep(50)) {
      const { status, "error-desc": why } = await execute("query-migrate");
      if (status === "completed") return;
      if (status === "failed") die(`QEMU ${name}: the memory cannot be saved: ${why ?? "no reason given"}`);
    }
  });
}

/** Lets a machine that was started with {@link incomingArgs} go on, once it has read everything. */
export async function resume(pid: number, name: string): Promise<void> {
  await qmp(pid, name, async (execute) => {
    for (;;) {
      const { status } = await execute("query-status");
      if (status !== "inmigrate") break;
      await sleep(20);
    }
    await execute("cont");
  });
}
