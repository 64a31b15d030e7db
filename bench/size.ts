/**
 * `npm run bench -- size`: what a minimal disk image is made of. Compares its packed size with its packages', and
 * lists Alpine's packages and those that the lab makes from Debian's separately.
 */
import { diskImage } from "../provider/image/disk/image.ts";
import { commitFromRootfs } from "../provider/image/ostree/commits.ts";
import { startImageLab } from "../test/e2e/image-lab.ts";

export const LIMIT = 1.1;
/** Number of packages with their own row. */
const SHOWN = 12;
const KB = 1000;

export async function benchSize(_rounds: number, say: (line: string) => void): Promise<boolean> {
  const lab = await startImageLab();
  try {
    const rootfs = await lab.rootfs();
    const { checksum } = await commitFromRootfs(lab, rootfs, {});
    const image = await diskImage(lab, checksum, { title: "bench" });
    const packages = [...rootfs.lock].sort((a, b) => b.size - a.size);
    const sum = (of: typeof packages, key: "size" | "installedSize") => of.reduce((all, p) => all + p[key], 0);
    const row = (name: string, of: typeof packages) =>
      say(`| ${name} | ${Math.round(sum(of, "size") / KB)} | ${Math.round(sum(of, "installedSize") / KB)} |`);
    const layer = packages.filter((p) => p.name.startsWith("lab-"));
    const alpine = packages.filter((p) => !layer.includes(p));
    say("| packages | packed, kB | installed, kB |");
    say("| --- | --- | --- |");
    for (const p of alpine.slice(0, SHOWN)) row(`${p.name} ${p.version}`, [p]);
    row(`${alpine.length - SHOWN} more of Alpine's`, alpine.slice(SHOWN));
    row(`${layer.length} of the lab's, made of Debian's`, layer);
    row(`all ${packages.length}`, packages);
    const ratio = image.size / sum(packages, "size");
    say(`image (raw.zst): ${Math.round(image.size / KB)} kB, ${ratio.toFixed(2)} of its packages (at most ${LIMIT})`);
    return ratio <= LIMIT;
  } finally {
    await lab.end();
  }
}
