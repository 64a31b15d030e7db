/** The other kind of user: an ordinary one where the tests run as root, root (by sudo) where they do not. */

import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { run } from "../../provider/local/run.ts";
import { ONE_FILE } from "../lab/one-file.ts";

const repository = join(import.meta.dirname, "../..");

export class OtherUser {
  private constructor(
    /** A folder of that user's. */
    readonly home: string,
    private readonly prefix: string[],
    readonly end: () => Promise<void>,
  ) {}

  /** `work`: a folder that everybody can go into. */
  static async make(work: string): Promise<OtherUser> {
    const home = join(work, "other");
    await mkdir(home);
    if (process.getuid?.() !== 0) {
      await run("sudo", ["-n", "true"]);
      return new OtherUser(home, ["sudo", "-n"], async () => {
        await run("sudo", ["-n", "rm", "-rf", home]);
      });
    }
    const name = `pine-test-${process.pid}`;
    // useradd gives a range of subordinate ids with it, as to every ordinary user
    await run("useradd", ["--no-create-home", "--home-dir", home, "--shell", "/bin/sh", name]);
    // its subordinate ids may be those of a container that runs beside: userdel takes that one's processes for its own
    const end = async () => {
      await run("userdel", ["--force", name], { ok: [0, 6] });
    };
    try {
      if (!(await readFile("/etc/subuid", "utf8")).includes(`${name}:`))
        throw new Error("useradd gave no range of subordinate ids: is uidmap installed?");
      await run("chown", ["-R", name, home]);
      return new OtherUser(home, ["setpriv", `--reuid=${name}`, `--regid=${name}`, "--init-groups", "--"], end);
    } catch (e) {
      await end();
      throw e;
    }
  }

  /**
   * Runs a TypeScript file of the tests, bundled with provider/'s data beside it: the repository may be out of reach.
   */
  async node(entry: string, args: string[], o: { signal?: AbortSignal } = {}): Promise<string> {
    const folder = join(this.home, "../bundle");
    await mkdir(folder, { recursive: true });
    const isData = (path: string) => !path.endsWith(".ts");
    await cp(join(repository, "provider"), folder, { recursive: true, filter: isData });
    const result = await build({
      entryPoints: [join(repository, entry)],
      ...ONE_FILE,
      write: false,
    });
    const file = join(folder, "main.cjs");
    await writeFile(file, result.outputFiles![0]!.contents);
    await chmod(folder, 0o755);
    const [program, ...rest] = [...this.prefix, process.execPath, file, ...args];
    const env = { HOME: this.home, PATH: process.env.PATH ?? "" };
    return (await run(program!, rest, { env, extendEnv: false, cwd: "/", signal: o.signal })).stdout;
  }

  get name(): string {
    return this.prefix[0] === "sudo" ? "root" : `pine-test-${process.pid}, not ${userInfo().username}`;
  }
}
