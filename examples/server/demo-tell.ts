/** Output of the demo: sections, lines, expectations that end it, and the table of steps. */

export function section(title: string): void {
  console.log(`\n── ${title}`);
}

export function say(line: string): void {
  console.log(`   ${line}`);
}

/** Ends the demo if its claim does not hold. */
export function expect(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Error(`does not hold: ${claim}`);
  console.log(` ✓ ${claim}`);
}

export function bytes(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)} MB`;
  return n >= 1e3 ? `${(n / 1e3).toFixed(1)} kB` : `${n} B`;
}

/** Runs steps, and remembers the time of each. */
export class Steps {
  private readonly rows: { what: string; seconds: number; sent?: number; failed?: boolean }[] = [];

  async take<T>(what: string, work: () => Promise<T>, sent?: (result: T) => number): Promise<T> {
    const start = performance.now();
    const row: (typeof this.rows)[number] = { what, seconds: 0 };
    this.rows.push(row);
    try {
      const result = await work();
      row.sent = sent?.(result);
      return result;
    } catch (error) {
      row.failed = true;
      throw error;
    } finally {
      row.seconds = (performance.now() - start) / 1000;
      console.log(`   (${row.seconds.toFixed(1)} s)`);
    }
  }

  table(): void {
    const width = Math.max(...this.rows.map((r) => r.what.length));
    console.log(`\n   ${"step".padEnd(width)}  seconds       sent`);
    for (const r of this.rows) {
      const sent = r.sent === undefined ? "" : bytes(r.sent);
      console.log(
        `   ${r.what.padEnd(width)}  ${r.seconds.toFixed(1).padStart(7)}  ${sent.padStart(9)}${r.failed ? "  FAILED" : ""}`,
      );
    }
  }
}
