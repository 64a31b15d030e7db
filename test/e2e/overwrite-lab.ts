/** What the tests of an overwrite share. */
import type { Project } from "./hijack-cli.ts";

/** What the example's program gets beside what it has. */
const image = (more: string) => `  image:
    type: pine:DiskImage
    properties: { commit: "\${commit.checksum}", size: 640${more} }
`;
const OVERWRITE = `      method: overwrite
      overwrite:
        erase: true
        image: \${image.sha256}
`;
const DATA = `        dataPartitions:
          - { label: data, size: 512, mountPoint: /srv/data }
          - { label: bulk, filesystem: xfs, mountPoint: /var/bulk }
`;

const DHCP = "      network: { mode: dhcp }\n";

/** A line of progress while the disk is written; its group is the amount. */
export const WRITTEN = /^written and compared (\S+ \S+) of/;

/**
 * Lets the example's program write its image over the server's disk; `data`: with data partitions; `dhcp`: with that
 * network; `bootSize`: MiB of a /boot partition.
 */
export function overwriteProgram(
  project: Project,
  o: { data?: boolean; dhcp?: boolean; bootSize?: number } = {},
): void {
  const more = OVERWRITE + (o.data ? DATA : "") + (o.dhcp ? DHCP : "");
  project.edit((text) =>
    text
      .replace("  server:\n", `${image(o.bootSize ? `, bootSize: ${o.bootSize}` : "")}  server:\n`)
      .replace(/(?<=\.checksum\}\n)(?= {6}hostname)/, more),
  );
}
