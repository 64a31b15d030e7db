/** What machines of rehearsals told. Its first line says from where, and is no part of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../fixtures/rehearsal", `${name}.txt`), "latin1").replace(/^#.*\n/, "");
