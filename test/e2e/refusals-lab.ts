/**
 * What the tests of refusals share: the example's program with other inputs of the server, and previews that must leave
 * the server alone.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Lab, on } from "./hijack-lab.ts";

export interface Asked {
  /** Inputs of the server, as YAML. */
  [input: string]: string;
}

export interface Previews {
  /**
   * Why a preview of the program with these inputs refuses the server: its one message, on one line for each reason.
   */
  refused(asked?: Asked, imageMiB?: number): Promise<string>;
  /** What a preview that refuses nothing says. */
  allowed(asked?: Asked, imageMiB?: number): Promise<string>;
}

/** An overwrite that was asked for, of a disk or of the only one. */
export const overwrite = (disk?: string): Asked => ({
  method: "overwrite",
  erase: "true",
  ...(disk ? { disk } : {}),
});

/**
 * The system's own files with their times, wherever / is, and what an installation would begin with. Not /usr, which is
 * long, and not /var: its log.
 */
const WRITTEN = `find / -xdev \\( -path /usr -o -path /var -o -path /dev -o -path /proc -o -path /sys -o -path /run \\) -prune -o \
  -printf '%p %y %m %s %T@ %C@\\n' | sort; ls -d /run/pine* 2>&1; cat /sys/kernel/kexec_loaded; mount`;

export function previews(lab: Lab): Previews {
  const file = join(lab.project.dir, "Pulumi.yaml");
  const example = readFileSync(file, "utf8");
  /** `imageMiB`: 0 for none. */
  const preview = async (asked: Asked = {}, imageMiB = "erase" in asked || asked.method === "overwrite" ? 640 : 0) => {
    const image = imageMiB
      ? `  image:\n    type: pine:DiskImage\n    properties: { commit: "\${commit.checksum}", size: ${imageMiB} }\n`
      : "";
    const { erase, disk, ...rest } = asked;
    const parts = { erase: true, image: `\${image.sha256}`, ...(disk ? { disk } : {}) };
    const inputs = Object.entries(erase ? { ...rest, overwrite: JSON.stringify(parts) } : rest);
    const program = example
      .replace("  server:\n", `${image}  server:\n`)
      .replace(
        /(?<=\.checksum\}\n)(?= {6}hostname)/,
        inputs.map(([key, value]) => `      ${key}: ${value}\n`).join(""),
      );
    expect(program === example).toBe(inputs.length === 0);
    writeFileSync(file, program);
    const before = await on(lab.vps, WRITTEN);
    const ended = await lab.project.run(["preview"]);
    expect(await on(lab.vps, WRITTEN)).toBe(before);
    return ended;
  };
  return {
    async refused(asked, imageMiB) {
      const { exitCode, output, errors } = await preview(asked, imageMiB);
      expect(exitCode, output).not.toBe(0);
      expect(errors, output).toHaveLength(1);
      // the engine's own words before Pine's
      const said = errors[0]!.replace(/^Preview failed: /, "");
      lab.tell(said);
      return said;
    },
    async allowed(asked, imageMiB) {
      const { exitCode, output } = await preview(asked, imageMiB);
      expect(exitCode, output).toBe(0);
      return output;
    },
  };
}
