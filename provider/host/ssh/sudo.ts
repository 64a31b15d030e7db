/** Answers a sudo that asks for a password. */
import { Readable } from "node:stream";
import { shellQuote } from "../../words.ts";

export interface Dialogue {
  /** Standard input of the session. */
  input: Readable;
  /** Takes a line of standard error; true when it belonged to the dialogue. */
  hear(line: string): boolean;
  /** Standard error without the dialogue's lines. */
  apart(stderr: string): string;
  /** sudo asked again: it did not take the password. */
  refused(): boolean;
  /** The session is over. */
  end(): void;
}

/** Lets sudo ask with a line that holds `$1`; then says that root's shell is reached, and runs `$2`. */
const ASKING =
  'n=$(printf "\\nx"); LC_ALL=C exec sudo -S -p "pine-asks-$1${n%x}" sh -c "echo pine-root-$1 >&2; $2" pine';

/**
 * A remote command that becomes root by sudo with a password, in one line that csh and fish read as sh does; `mark` is
 * a random word.
 */
export const askingSudo = (mark: string, command: string) =>
  `sh -c ${shellQuote(ASKING)} pine ${mark} ${shellQuote(command)}`;
const asks = (mark: string) => `pine-asks-${mark}`;
const reached = (mark: string) => `pine-root-${mark}`;

/**
 * What is sent to {@link askingSudo}'s command: the password when sudo asks, and only then; script and input once
 * root's shell is reached, and only then. When sudo asks a second time the input ends, so that sudo gives up after one
 * attempt and no line of the script is taken for a password.
 */
export function dialogue(mark: string, password: string, what: () => AsyncIterable<Uint8Array>): Dialogue {
  const events: ("asks" | "reached" | "over")[] = [];
  let wake = () => {};
  let refused = false;
  const tell = (event: (typeof events)[number]) => {
    events.push(event);
    wake();
  };
  async function next() {
    while (events.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return events.shift();
  }
  async function* parts() {
    let event = await next();
    if (event === "asks") {
      yield Buffer.from(`${password}\n`);
      event = await next();
      refused = event === "asks";
    }
    if (event === "reached") yield* what();
  }
  // something without a line break may stand before it; sudo's own complaints hold the command, and so the mark
  const eventOf = (line: string) =>
    line.endsWith(asks(mark)) ? "asks" : line.endsWith(reached(mark)) ? "reached" : undefined;
  return {
    input: Readable.from(parts()),
    hear(line) {
      const event = eventOf(line);
      if (event) tell(event);
      return event !== undefined;
    },
    apart: (stderr) =>
      stderr
        .split("\n")
        .filter((line) => !eventOf(line))
        .join("\n"),
    refused: () => refused,
    end: () => tell("over"),
  };
}
