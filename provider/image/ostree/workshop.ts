/** What work on a store needs, from building a tree to publishing a commit. */
import type { Task } from "../../task.ts";
import type { Store } from "../store/store.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";

/** They travel together: who works on a store runs the toolbox's programs, and ends when the task does. */
export interface Workshop {
  readonly store: Store;
  readonly toolbox: Toolbox;
  readonly task: Task;
}
