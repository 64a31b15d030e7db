/** A web server of 127.0.0.1 with a folder that is there. Answers its port. */
import type { Ending } from "./ending.ts";
import { freePort, startProcess } from "./processes.ts";

export async function serveFolder(folder: string, ending: Ending): Promise<number> {
  const port = await freePort();
  const argv = ["-m", "http.server", "-b", "127.0.0.1", "-d", folder, String(port)];
  const { child, ended } = startProcess("a web server", "python3", argv, { cwd: "/", stdio: "ignore" });
  ending.unshift(() => {
    child.kill("SIGKILL");
    return ended;
  });
  return port;
}
