/** Puts the files of a network into a disk image that was never booted, without mounting it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { die } from "../../../provider/errors.ts";
import type { NetworkFiles } from "../../../provider/host/network/model/types.ts";
import { run } from "../../../provider/local/run.ts";

/** `disk`: a raw DiskImage; `rootStart`: bytes before its root partition; `deployment`: `<checksum>.0`. */
export async function putNetwork(
  disk: string,
  rootStart: number,
  deployment: string,
  files: NetworkFiles,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "pine-files-"));
  const etc = `/ostree/deploy/pine/deploy/${deployment}/etc`;
  const put: Record<string, string | undefined> = {
    "network/interfaces": files.interfaces,
    mactab: files.mactab,
    hosts: files.hosts,
    "resolv.conf": files.resolvConf,
  };
  try {
    const commands = Object.entries(put).flatMap(([name, content]) => {
      if (content === undefined) return [];
      const source = join(dir, name.replace("/", "-"));
      writeFileSync(source, content);
      const target = `${etc}/${name}`;
      return [
        `rm ${target}`,
        `write ${source} ${target}`,
        `sif ${target} mode 0100644`,
        `sif ${target} uid 0`,
        `sif ${target} gid 0`,
      ];
    });
    const script = join(dir, "commands");
    writeFileSync(script, `${commands.join("\n")}\n`);
    const image = `${disk}?offset=${rootStart}`;
    await run("debugfs", ["-w", "-f", script, image]);
    const { stdout } = await run("debugfs", ["-R", `cat ${etc}/network/interfaces`, image]);
    if (stdout.trimEnd() !== files.interfaces.trimEnd())
      die(`debugfs did not write into ${disk}: ${stdout.slice(0, 300)}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
