/** Results of rehearsals in the store, so that a second server or a second `up` boots nothing again. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { assetText } from "../assets.ts";
import { imageFormat } from "../image/disk/image.ts";
import { formatOf } from "../image/store/artifact.ts";
import type { Store } from "../image/store/store.ts";
import { SCRIPTS } from "./disk.ts";
import { type Guest, rehearsalKey } from "./guest.ts";
import type { Accelerator } from "./qemu.ts";

/** What is kept of a rehearsal that passed or failed; one that could not tell is not kept. */
export interface Remembered {
  answer: "pass" | "fail";
  reasons: string[];
  notes: string[];
  /** The last lines of a console; of one that failed. */
  console: string[];
  /** Seconds that the boot took. */
  seconds: number;
  accelerator: Accelerator;
  /** ISO date. */
  on: string;
}

/** Changes with what makes rehearsals. */
const made = () => formatOf(1, [imageFormat(), ...SCRIPTS.map((path) => assetText(path))]);

/** A secret of the store: a name made with it tells nothing of the files that went into it. */
async function saltOf(store: Store): Promise<string> {
  const path = store.path("rehearsals", ".salt");
  await mkdir(store.path("rehearsals"), { recursive: true });
  await writeFile(path, randomBytes(32).toString("hex"), { mode: 0o600, flag: "wx" }).catch(
    (e: NodeJS.ErrnoException) => {
      if (e.code !== "EEXIST") throw e;
    },
  );
  return readFile(path, "utf8");
}

/** The file of one commit and one shape of servers. */
export async function recordOf(store: Store, checksum: string, guest: Guest): Promise<string> {
  return store.path("rehearsals", `${checksum}-${rehearsalKey(guest, await saltOf(store), made())}.json`);
}

/** What is known already; nothing where the file is damaged. */
export const recall = (store: Store, path: string): Promise<Remembered | undefined> =>
  store.readJson<Remembered>(path).catch(() => undefined);
