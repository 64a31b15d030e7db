/** The calls for children of components that this process constructs, held up as each component wants. */
import type { Call, Operation, Overseer } from "../resource.ts";

interface Entry {
  /** Beginning of its children's URNs. */
  prefix: string;
  overseer: Overseer;
}

export class Overseers {
  /** By the component's URN. They outlive the construct call: what the program dropped is deleted after it. */
  private readonly entries = new Map<string, Entry>();

  set(component: string, prefix: string, overseer: Overseer): void {
    this.entries.set(component, { prefix, overseer });
  }

  /** Forgets those of a run before. */
  clear(): void {
    this.entries.clear();
  }

  /** The one that a resource stands under: the one that knows most of its URN. */
  of(urn: string): Overseer | undefined {
    const fit = [...this.entries.values()].filter(({ prefix }) => urn.startsWith(prefix));
    return fit.sort((a, b) => b.prefix.length - a.prefix.length)[0]?.overseer;
  }

  /** Does the work of one call when its component lets it. */
  async around<R>(operation: Operation, call: Call, work: (call: Call) => Promise<R>): Promise<R> {
    const overseer = this.of(call.urn);
    if (!overseer) return work(call);
    if (call.preview) {
      overseer.planned(call.urn, operation);
      return work(call);
    }
    const member = await overseer.enter(call.urn, operation, call);
    let done = false;
    try {
      const result = await work({ ...call, member });
      done = true;
      return result;
    } finally {
      overseer.leave(call.urn, done);
    }
  }
}
