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
  /** What the component that this resource belongs to lets it do; absent: it belongs to none, or this is a preview. */
  readonly member?: Membership;
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

/** A component: resources that belong together, made here for programs of every language. */
export interface Component {
  /** Failures of the inputs, before anything is registered. */
  check(inputs: Props): CheckFailure[];
  /** Registers the children, in the order that the component wants. Returns the outputs. */
  construct(build: Construction, inputs: Props): Promise<Props>;
}

/** One construct call of the engine. */
export interface Construction extends Task {
  /** The component's name in the program. */
  readonly name: string;
  readonly urn: string;
  readonly preview: boolean;
  info(message: string): void;
  /** The URN that a child has or will have. */
  urnOf(type: string, name: string): string;
  /** Has the calls for children with this type and this beginning of their name seen and held up. */
  oversee(type: string, prefix: string, overseer: Overseer): void;
  /**
   * Registers a child and waits until the engine is done with it. Throws when the engine stops the run; a child that
   * failed does not throw.
   */
  child(child: Child): Promise<Made>;
}

export interface Child {
  type: string;
  name: string;
  inputs: Props;
  /** Names of the component's inputs of which each of its own is made: their dependencies become its own. */
  from: Record<string, string[]>;
  /** URNs that must be done before. Only an order: a replacement of one does not replace this. */
  after: string[];
}

export interface Made {
  urn: string;
  /** Outputs; empty when the engine left it out. */
  state: Props;
  /** "skipped": the engine left it alone, because something before it failed or it is no target. */
  result: "done" | "failed" | "skipped";
}

/** What the engine asks for a child. */
export type Operation = "create" | "update" | "delete";

/** Sees what happens to the children of a component in this process, and holds it up. */
export interface Overseer {
  /** The engine has asked about this child: this process serves it. */
  asked(urn: string): void;
  /** In a preview: what will be done. */
  planned(urn: string, operation: Operation): void;
  /** Resolves when it is this child's turn; dies when it must not be changed now. */
  enter(urn: string, operation: Operation, call: Task): Promise<Membership>;
  /** What {@link enter} let in has ended. */
  leave(urn: string, done: boolean): void;
}

export interface Membership {
  /** It cannot be reached, and its component leaves it for later: an update succeeds, and says so in its state. */
  readonly left: boolean;
  /** Called before a server is stopped. Dies when too many of its component's are down, or when it is not its turn. */
  mayStop(how: Stop): void;
}

export interface Stop {
  /** It runs what its component is for, so that it is missed. */
  serves: boolean;
  /** Refusals that the person overrules: `canary-first`, `max-unavailable`. */
  ignoreChecks: readonly string[];
}
