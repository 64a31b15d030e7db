/** Small talk with a machine: its serial line, and whether SSH greets. */
import { connect } from "node:net";

/** The last lines of a serial line's log. */
export const tail = (text: string) => text.trimEnd().split("\n").slice(-25).join("\n");

/** Whether an SSH server greets on the port. QEMU itself accepts every connection. */
export function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    const end = (yes: boolean) => {
      socket.destroy();
      done(yes);
    };
    socket.setTimeout(5000, () => end(false));
    socket.on("data", (d) => end(d.toString("latin1").startsWith("SSH-")));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
  });
}

/** Types on the socket of a serial line. */
export function typeOn(path: string, text: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(path, () => socket.end(text, () => done()));
    socket.on("error", fail);
  });
}
