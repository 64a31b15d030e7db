/** Where packages come from. */
import type { Keys } from "./apkfile.ts";

/** Where packages come from. */
export interface Source {
  cache: string;
  /** Base address; packages and indexes are named by it, whichever mirror they come from. */
  mirror: string;
  /** Other mirrors with the same content, asked in this order. */
  fallbacks?: string[];
  release: string;
  arch: string;
  keys: Keys;
}
