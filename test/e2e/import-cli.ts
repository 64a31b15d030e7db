/**
 * `pulumi import` as a person with an agent and a known_hosts of their own: ssh looks in the user's real ~/.ssh,
 * whatever $HOME says.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { run } from "../../provider/local/run.ts";
import { startProcess } from "../lab/processes.ts";
import { pulumiBinary } from "../lab/pulumi.ts";
import { type Lab, until } from "./hijack-lab.ts";

export interface Person {
  /** Content of ~/.ssh/known_hosts from now on. */
  knows(text: string): void;
  /** `pulumi import`; any exit code. */
  import(
    type: string,
    name: string,
    id: string,
    o?: { agent?: boolean },
  ): Promise<{ exitCode: number; output: string }>;
  end(): Promise<void>;
}

/** Somebody whose agent has the lab's key. What they see as ~/.ssh is a folder of the test's, in a mount namespace. */
export async function startPerson(lab: Lab): Promise<Person> {
  const home = join(userInfo().homedir, ".ssh");
  const made = !existsSync(home);
  if (made) mkdirSync(home, { mode: 0o700 });
  const ssh = join(lab.work, "ssh");
  mkdirSync(ssh, { mode: 0o700 });
  const socket = join(lab.work, "agent");
  const agent = startProcess("ssh-agent", "ssh-agent", ["-D", "-a", socket], { cwd: lab.work, stdio: "ignore" });
  await until("the agent listens", () => existsSync(socket), 60_000);
  await run("ssh-add", ["-q", lab.vps.privateKeyPath], { env: { ...lab.project.env, SSH_AUTH_SOCK: socket } });
  // root may not give up its groups in a user namespace, which ssh does for KnownHostsCommand; others need one to mount
  const namespace = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-current-user"])];
  const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
  return {
    knows: (text) => writeFileSync(join(ssh, "known_hosts"), text, { mode: 0o600 }),
    async import(type, name, id, o = {}) {
      const command = [pulumiBinary(), "import", "--yes", "--generate-code=false", "--non-interactive", type, name, id];
      const r = await run("unshare", [...namespace, "sh", "-c", script, "sh", ssh, home, ...command], {
        cwd: lab.project.dir,
        env: { ...lab.project.env, SSH_AUTH_SOCK: o.agent === false ? join(lab.work, "nothing") : socket },
        timeout: 300_000,
        ok: [0, 1, 2, 255],
      });
      lab.project.logs.push(r.stdout, r.stderr);
      return { exitCode: r.exitCode, output: r.stdout + r.stderr };
    },
    async end() {
      agent.child.kill();
      await agent.ended;
      try {
        if (made) rmdirSync(home);
      } catch {
        // somebody uses it by now
      }
    },
  };
}
