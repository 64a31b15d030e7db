/** A raw disk as qcow2, version 3: uncompressed, only the clusters that hold data, the same bytes for the same disk. */
import { open } from "node:fs/promises";

/** qemu-img's own default. */
const CLUSTER = 64 * 1024;
/** Entries of 8 bytes in an L2 table, which fills a cluster and maps 512 MiB. */
const PER_TABLE = CLUSTER / 8;
/** Reference counts of 16 bits that fill a cluster. */
const PER_COUNTS = CLUSTER / 2;
/** Used once, so it may be written in place: QCOW_OFLAG_COPIED of docs/interop/qcow2.txt. */
const COPIED = 1n << 63n;
/**
 * Bytes read at a time. A disk is mostly holes, and for them the number of reads costs more than their length
 * (oVirt/ovirt-imageio#76).
 */
const AT_ONCE = 64 * CLUSTER;
const ZERO = Buffer.alloc(AT_ONCE);

/**
 * Writes the raw disk `source` as `target`. The source's size is a multiple of a cluster (else the rest reads as
 * zeros). Data lies behind the header in the disk's order, then the tables.
 */
export async function writeQcow2(source: string, target: string, signal: AbortSignal): Promise<void> {
  const input = await open(source, "r");
  const output = await open(target, "wx");
  try {
    const { size } = await input.stat();
    const l2 = new Map<number, Buffer>();
    let next = 1; // the header's cluster is written last
    const put = async (data: Buffer) => {
      await output.write(data, 0, data.length, next * CLUSTER);
      return BigInt(next++ * CLUSTER);
    };
    const data = Buffer.alloc(AT_ONCE);
    for (let from = 0; from < size; from += AT_ONCE) {
      signal.throwIfAborted();
      const { bytesRead } = await input.read(data, 0, AT_ONCE, from);
      data.fill(0, bytesRead);
      if (data.equals(ZERO)) continue;
      for (let at = 0; at < AT_ONCE; at += CLUSTER) {
        const cluster = data.subarray(at, at + CLUSTER);
        if (cluster.compare(ZERO, 0, CLUSTER) === 0) continue;
        const n = (from + at) / CLUSTER;
        const table = Math.floor(n / PER_TABLE);
        if (!l2.has(table)) l2.set(table, Buffer.alloc(CLUSTER));
        l2.get(table)!.writeBigUInt64BE((await put(cluster)) | COPIED, (n % PER_TABLE) * 8);
      }
    }
    const entries = Math.ceil(size / CLUSTER / PER_TABLE);
    const l1 = Buffer.alloc(clusters(entries * 8) * CLUSTER);
    for (const [n, table] of l2) l1.writeBigUInt64BE((await put(table)) | COPIED, n * 8);
    const l1At = BigInt(next * CLUSTER);
    await output.write(l1, 0, l1.length, next * CLUSTER);
    next += l1.length / CLUSTER;
    const counts = countsFor(next);
    await output.write(counts.bytes, 0, counts.bytes.length, next * CLUSTER);
    const head = header({ size, entries, l1At, countsAt: BigInt(next * CLUSTER), tables: counts.tables });
    await output.write(head, 0, head.length, 0);
  } finally {
    await input.close();
    await output.close();
  }
}

const clusters = (bytes: number) => Math.ceil(bytes / CLUSTER);

/**
 * The table of reference counts and their blocks, which lie at cluster `used`. Every cluster is used once, theirs too.
 */
export function countsFor(used: number): { bytes: Buffer; tables: number } {
  let blocks = 0;
  let tables = 0;
  for (let before = -1; before !== blocks + tables; ) {
    before = blocks + tables;
    blocks = Math.ceil((used + before) / PER_COUNTS);
    tables = clusters(blocks * 8);
  }
  const bytes = Buffer.alloc((tables + blocks) * CLUSTER);
  for (let n = 0; n < blocks; n++) bytes.writeBigUInt64BE(BigInt((used + tables + n) * CLUSTER), n * 8);
  for (let n = 0; n < used + tables + blocks; n++) bytes.writeUInt16BE(1, tables * CLUSTER + n * 2);
  return { bytes, tables };
}

function header(o: { size: number; entries: number; l1At: bigint; countsAt: bigint; tables: number }): Buffer {
  const h = Buffer.alloc(CLUSTER);
  h.write("QFI\xfb", "latin1");
  h.writeUInt32BE(3, 4); // version
  h.writeUInt32BE(Math.log2(CLUSTER), 20);
  h.writeBigUInt64BE(BigInt(o.size), 24);
  h.writeUInt32BE(o.entries, 36);
  h.writeBigUInt64BE(o.l1At, 40);
  h.writeBigUInt64BE(o.countsAt, 48);
  h.writeUInt32BE(o.tables, 56);
  h.writeUInt32BE(4, 96); // counts of 2^4 bits
  h.writeUInt32BE(104, 100); // bytes of the header, and no extension behind it
  return h;
}
