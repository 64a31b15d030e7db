/**
 * Pine's Fleet as it is, over servers that stand for real ones: each writes down when it is changed. What the engine
 * makes of the order needs no machine; test/e2e/fleet-rollout.test.ts has containers.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { assetText } from "../../provider/assets.ts";
import { die } from "../../provider/errors.ts";
import { diffInputs } from "../../provider/properties/diff.ts";
import { equalValues, hasUnknown, type Props, plain, Unknown } from "../../provider/properties/values.ts";
import { type Call, InitError, type Resource } from "../../provider/resource.ts";
import { fleet } from "../../provider/resources/fleet/fleet.ts";
import { gateOf, type Verdict } from "../../provider/resources/ring/gate.ts";
import { ring as realRing } from "../../provider/resources/ring/ring.ts";
import { nextOf } from "../../provider/resources/ring/sign.ts";
import { checkConfig, comparable, configure } from "../../provider/rpc/config.ts";
import { serve } from "../../provider/rpc/serve.ts";

/** Milliseconds that a change takes: enough to see that two overlap. */
const WORK_MS = 300;
/** Where it is written: `begin web-1 update`, `end web-1 update`. */
const SAYS = process.env.PINE_TEST_SAYS ?? "/dev/null";
/** A folder with what each server runs, whoever knows of it; without it that is only in the state. */
const SERVERS = process.env.PINE_TEST_SERVERS;
const JOURNAL = process.env.PINE_TEST_JOURNAL ?? die("PINE_TEST_JOURNAL is not set");

const note = (...words: string[]) => appendFileSync(JOURNAL, `${words.join(" ")}\n`);

async function change(call: Call, operation: string, inputs: Props): Promise<void> {
  const { hostname = call.name, ignoreChecks = [] } = plain(inputs) as { hostname?: string; ignoreChecks?: string[] };
  call.member?.mayStop({ serves: operation === "update", ignoreChecks });
  const runs = SERVERS && join(SERVERS, call.name);
  if (runs && existsSync(runs) && readFileSync(runs, "utf8") === plain(inputs.commit)) {
    if (operation !== "delete") return note("same", call.name);
  }
  note("begin", call.name, operation);
  await sleep(WORK_MS / 2, undefined, { signal: call.signal });
  if (runs) {
    // from here on it goes on alone
    note("boots", call.name, operation);
    if (operation === "delete") rmSync(runs, { force: true });
    else writeFileSync(runs, plain(inputs.commit));
  }
  await sleep(WORK_MS / 2, undefined, { signal: call.signal });
  if (hostname === `bad-${plain(inputs.commit).slice(0, 1)}`) {
    note("failed", call.name, operation);
    die(`commit ${plain(inputs.commit).slice(0, 12)} does not run on ${call.name}`);
  }
  note("end", call.name, operation);
}

const stateOf = (inputs: Props): Props => ({
  installationId: "x",
  connection: inputs.connection,
  booted: { checksum: plain(inputs.commit), deployment: "d", slot: "a", bootId: "b" },
  plan: { boots: 1 },
});
const planned = (inputs: Props): Props => ({ ...stateOf(inputs), booted: Unknown.value });

const server: Resource = {
  check: async (_, { news }) => ({ inputs: news }),
  async diff(_, { olds, oldInputs, news }) {
    const { unfinished, booted } = plain(olds);
    const pulls = plain(news.updates)?.pullOnly === true && booted;
    const detailed = diffInputs(oldInputs, news, { ignore: ["commit"], replace: ["method"] });
    if (!pulls && !equalValues(news.commit, booted?.checksum)) detailed.commit = "update";
    return { detailed, changes: unfinished === true };
  },
  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: planned(inputs) };
    await change(call, "create", inputs);
    return { id: call.name, state: stateOf(inputs) };
  },
  async update(call, { olds, news }) {
    if (call.preview) return { state: planned(news) };
    if (call.member?.left) {
      note("left", call.name);
      return { state: { ...olds, unreachable: true, unfinished: true } };
    }
    await change(call, "update", news);
    return { state: stateOf(news) };
  },
  read: async (_, { id, state, inputs }) => ({ id, state, inputs }),
  delete: (call, { inputs }) => change({ ...call, member: undefined }, "delete", { ...inputs, hostname: "gone" }),
};

/** Signed as Ring does it, for what the file {@link SAYS} has of the servers: `{ "a": { "b…": "confirmed" } }`. */
const gate = ({ commit, after = {} }: Props) => {
  const says = JSON.parse(readFileSync(SAYS, "utf8")) as Record<string, Record<string, Verdict["is"]>>;
  const verdict = (name: string): [string, Verdict] => {
    const is = says[name]?.[commit[0]] ?? "waits";
    return [name, is === "confirmed" ? { is } : { is, why: "as it says" }];
  };
  return gateOf(new Map(Object.keys(after).map(verdict)));
};

function next(call: Call, inputs: Props, state: Props = {}): Props {
  if (hasUnknown(inputs.commit)) return { ...state, published: Unknown.value, history: Unknown.value };
  const { commit, servers, publish, branch } = plain(inputs);
  const made = { checksum: commit, version: commit[0], made: "t" };
  const had = plain(state).history ?? [];
  const { history, waits, failed } = nextOf(made, gate(plain(inputs)), publish.withdrawn ?? [], had);
  const published = history[0]?.checksum;
  if (!call.preview && published !== had[0]?.checksum) note("signed", branch, commit[0], servers.join("+"));
  const now = { published, waits: waits ?? failed, history };
  if (failed && !call.preview) throw new InitError(call.name, now, [failed], inputs);
  return now;
}

const ring: Resource = {
  ...realRing,
  async diff(_, { olds, news }) {
    return { detailed: {}, changes: !equalValues(news.commit, olds.published) };
  },
  create: async (call, { inputs }) => ({ id: call.name, state: next(call, inputs) }),
  update: async (call, { olds, news }) => ({ state: next(call, news, olds) }),
  delete: async (call) => note("ended", call.name),
};

void serve({
  schema: () => assetText("schema.json"),
  resources: { "pine:index:HostHijack": async () => server, "pine:index:Ring": async () => ring },
  components: { "pine:index:Fleet": async () => fleet },
  functions: {},
  checkConfig,
  comparable,
  configure,
});
