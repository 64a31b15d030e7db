/** Reads what the machine of a rehearsal tells of its boot (guest.sh). Pure. */

export interface CheckResult {
  name: string;
  state: "ok" | "red" | "warn";
  text: string;
}

export interface Report {
  /** Seconds of uptime at which the first service ran. */
  begun?: number;
  /** The same of the end of the default runlevel. */
  completed?: number;
  /** Services that were starting when it was last seen waiting for the runlevel. */
  starting: string[];
  /** Services of the default runlevel that do not run. */
  stopped: string[];
  addresses: { card: string; address: string }[];
  /** Port -> what answers there first: "" for nothing, "listening" for somebody who says nothing. */
  ssh: Map<number, string>;
  /** root's authorized_keys. */
  keys?: { sha256: string; mode: string; owner: string };
  /** The last whole look at the health checks; absent: the commit has no such program. */
  health?: { result: string; checks: CheckResult[] };
  /** Everything was told. */
  ended: boolean;
  lines: number;
}

const CHECK = /^(\S+) (ok|red|warn) \S+ ?(.*)$/;

/** One look at the health checks: the lines of libexec/pine/health. */
function healthOf(lines: string[]): NonNullable<Report["health"]> {
  const [first = "", ...rest] = lines;
  const checks = rest.flatMap((line): CheckResult[] => {
    const [, name, state, text] = CHECK.exec(line) ?? [];
    return name ? [{ name, state: state as CheckResult["state"], text: text ?? "" }] : [];
  });
  return { result: /\bresult=(\w+)/.exec(first)?.[1] ?? "", checks };
}

/** Reads one line into a report. `looking`: lines of a look at the health checks so far. */
function read(report: Report, word: string, rest: string, looking: string[]): void {
  const words = rest.split(" ").filter(Boolean);
  switch (word) {
    case "begun":
    case "completed":
      report[word] = Number(rest);
      break;
    case "waiting":
      report.starting = words.slice(1);
      break;
    case "stopped":
      report.stopped.push(rest);
      break;
    case "addr": {
      // "2: eth0    inet 10.0.2.15/24 …"
      const [, card, address] = /^\d+: (\S+?)(?:@\S+)? +inet6? ([^\s/]+)/.exec(rest) ?? [];
      if (card && address) report.addresses.push({ card, address });
      break;
    }
    case "ssh":
      report.ssh.set(Number(words[0]), words.slice(1).join(" "));
      break;
    case "keys":
      report.keys = { sha256: words[0] ?? "", mode: words[1] ?? "", owner: words[2] ?? "" };
      break;
    case "health":
      looking.push(rest);
      break;
    case "looked":
      report.health = healthOf(looking.splice(0));
      break;
    case "end":
      report.ended = true;
  }
}

/** Reads what was told so far. A line that is cut off, or that nobody knows, says nothing. */
export function parseReport(text: string): Report {
  const report: Report = { starting: [], stopped: [], addresses: [], ssh: new Map(), ended: false, lines: 0 };
  const looking: string[] = [];
  const lines = text.split(/\r?\n/).slice(0, -1);
  for (const line of lines) {
    const [, word = "", rest = ""] = /^([a-z]+) ?(.*)$/.exec(line) ?? [];
    read(report, word, rest, looking);
  }
  return { ...report, lines: lines.length };
}
