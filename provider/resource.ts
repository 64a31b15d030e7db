/** The interface of a resource within the provider; rpc/ translates Pulumi's gRPC into it. */
import type { DiffKind } from "./properties/diff.ts";
import type { CheckFailure } from "./properties/failure.ts";
import type { Props } from "./properties/values.ts";
import type { Task } from "./task.ts";

/** The provider's configuration, checked and with defaults filled in. */
export interface Config {
  /** Folder with the OSTree repository, images and deltas. Absolute. */
  store: string;
  /** Per-user folder with packages and toolboxes. Absolute. */
  cache: string;
  /** Base address of the Alpine mirror, without a slash at the end; `<mirror>/<release>/<repository>/<arch>/`. */
  mirror: string;
  /** Mirrors with the same content, tried in this order when `mirror` fails. Nothing that is built holds them. */
  fallbackMirrors?: string[];
  /** The toolbox's Alpine release, e.g. "v3.23". */
  release: string;
  /** Public keys that sign packages and indexes: file name as in the signature -> PEM. */
  keys: Record<string, string>;
}

export interface Diff {
  /** Property path -> how it differs. Empty: no change. */
  detailed: Record<string, DiffKind>;
  /** There is something to do although no property differs (an artifact is missing). */
  changes?: boolean;
  deleteBeforeReplace?: boolean;
}

/** One call of the engine. */
export interface Call extends Task {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  /** `project/stack`, from the urn. */
  readonly stack: string;
  readonly preview: boolean;
  /** The user's customTimeouts for this operation, in seconds; 0 when not given. */
  readonly timeoutSeconds: number;
  readonly config: Config;
  /** A line that stays, under Diagnostics. */
  info(message: string): void;
}

/**
 * A half-done create or update: the engine keeps `state` (and `inputs`), shows the reasons, and the next
 * `up` calls update.
 */
export class InitError extends Error {
  override name = "InitError";
  constructor(
    readonly id: string,
    readonly state: Props,
    readonly reasons: string[],
    readonly inputs?: Props,
  ) {
    super(reasons.join("\n"));
  }
}

export interface Resource {
  check(
    call: Call,
    args: { news: Props; olds: Props; randomSeed: Uint8Array },
  ): Promise<{ inputs: Props; failures?: CheckFailure[] }>;
  diff(
    call: Call,
    args: { id: string; olds: Props; oldInputs: Props; news: Props; ignoreChanges: string[] },
  ): Promise<Diff>;
  /** In preview (`call.preview`) it writes nothing, and returns the known part of the state. */
  create(call: Call, args: { inputs: Props }): Promise<{ id: string; state: Props }>;
  /** Returns `undefined` when the resource is gone. Empty `state` and `inputs` mean an import by id. */
  read(
    call: Call,
    args: { id: string; state: Props; inputs: Props },
  ): Promise<{ id: string; state: Props; inputs: Props } | undefined>;
  update(call: Call, args: { id: string; olds: Props; oldInputs: Props; news: Props }): Promise<{ state: Props }>;
  delete(call: Call, args: { id: string; state: Props; inputs: Props }): Promise<void>;
}

/** A function (`pine:index:get…`). */
export type Invoke = (call: Call, args: Props) => Promise<{ result?: Props; failures?: CheckFailure[] }>;
