/** A provider for tests alone: one resource that keeps a file a thing, and does what its `mode` says. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die, PineError } from "../../provider/errors.ts";
import { any, asset, list, map, object, text } from "../../provider/properties/check.ts";
import { diffInputs } from "../../provider/properties/diff.ts";
import { checkProps } from "../../provider/properties/rule.ts";
import { type Props, plain, Unknown } from "../../provider/properties/values.ts";
import { type Call, InitError, type Invoke, type Resource } from "../../provider/resource.ts";
import { checkConfig, comparable, configure } from "../../provider/rpc/config.ts";
import type { Provider } from "../../provider/rpc/provider.ts";

export const TOKEN = "pine:index:Thing";

const secret = (description: string) => ({ type: "string", secret: true, description });
const properties = {
  arch: { type: "string", description: "A" },
  packages: { type: "array", items: { type: "string" }, description: "P" },
  mode: { type: "string", description: "What to do." },
  password: secret("S"),
  login: { $ref: "#/types/pine:index:Login", description: "L" },
  logins: { type: "array", items: { $ref: "#/types/pine:index:Login" }, description: "L" },
  tokens: { type: "object", additionalProperties: secret("T"), description: "M" },
  file: { $ref: "pulumi.json#/Asset", description: "F" },
  extra: { $ref: "pulumi.json#/Any", description: "E" },
};
export const schema = {
  name: "pine",
  version: "9.8.7",
  config: { variables: { store: { type: "string" } } },
  provider: { inputProperties: { store: { type: "string" } } },
  types: {
    "pine:index:Login": {
      type: "object",
      properties: { user: { type: "string" }, key: { type: "string", secret: true } },
    },
  },
  resources: {
    [TOKEN]: {
      inputProperties: properties,
      properties: { ...properties, made: { type: "integer" }, sum: { type: "string" }, token: secret("O") },
      required: ["made", "sum"],
    },
  },
  functions: {
    "pine:index:getThing": {
      inputs: { properties: { name: { type: "string" }, password: secret("S") } },
      outputs: { properties: { name: { type: "string" }, token: secret("O") } },
    },
  },
};

const login = object({ user: text(), key: text({ secret: true }) });
const shape = {
  arch: text({ enum: ["x86_64", "aarch64"], default: "x86_64" }),
  packages: list(text({ pattern: /^[a-z]\S*$/, expected: "a package name" }), { required: true }),
  mode: text(),
  password: text({ pattern: /^\S+$/, expected: "a word" }),
  login,
  logins: list(login),
  tokens: map(text()),
  file: asset(),
  extra: any(),
};

const place = (call: Call, id: string) => join(call.config.store, `${id}.json`);

/** What `mode` asks for; "slow" cleans up when it is cancelled. */
async function work(call: Call, id: string, inputs: Props): Promise<void> {
  const { mode = "", password = "" } = plain(inputs) as { mode?: string; password?: string };
  switch (mode) {
    case "long":
      for (let n = 1; n <= 80; n++) {
        call.step(`long step ${n} of 80`);
        await sleep(250, undefined, { signal: call.signal });
      }
      break;
    case "debug":
      call.debug?.(`root@web:22: reading what it is: exit code 0 after 0.1 s, by ${password}`);
      break;
    case "die":
      die(`cannot log in with ${password}`, "give another password");
      break;
    case "throw":
      throw new TypeError(`bad ${password}`);
    case "init":
      throw new InitError(id, { made: 1, sum: "half", token: password }, [
        `half done with ${password}`,
        "rest missing",
      ]);
    case "talk":
      call.info(`info ${password}`);
      for (let n = 1; n <= 100; n++) {
        call.step(`step ${n} of 100 ${password}`);
        await sleep(10);
      }
      call.warn(`warning ${password}`);
      call.step("last step");
      break;
    case "slow":
    case "stuck":
      call.step("slow work");
      mkdirSync(call.config.store, { recursive: true });
      writeFileSync(join(call.config.store, "began"), "");
      await sleep(60_000, undefined, mode === "slow" ? { signal: call.signal } : {}).catch(() => {});
      await sleep(500); // cleaning up
      writeFileSync(join(call.config.store, "cleaned"), "");
      throw new InitError(id, { made: 0, sum: "cut" }, ["cancelled half way"]);
    case "reject":
      void Promise.reject(new PineError(`stray ${password}`));
      await sleep(50);
  }
}

const stateOf = (inputs: Props): Props => ({ ...inputs, made: 3, sum: "whole", token: "TOKENCANARY" });

export const seen: { call?: Call; args?: Props } = {};
const note = (call: Call, args: Props) => Object.assign(seen, { call, args });

export const thing: Resource = {
  async check(call, { news }) {
    note(call, news);
    return checkProps(news, shape);
  },
  async diff(call, { oldInputs, news }) {
    note(call, { oldInputs, news });
    return { detailed: diffInputs(oldInputs, news, { replace: ["arch"] }), deleteBeforeReplace: true };
  },
  async create(call, { inputs }) {
    note(call, inputs);
    if (call.preview) return { id: "", state: { ...inputs, made: 3 } };
    const id = `${call.name}-1`;
    await work(call, id, inputs);
    mkdirSync(call.config.store, { recursive: true });
    writeFileSync(place(call, id), "{}");
    return { id, state: stateOf(inputs) };
  },
  async read(call, { id, state, inputs }) {
    note(call, { state, inputs });
    if (!existsSync(place(call, id))) return undefined;
    if (readFileSync(place(call, id), "utf8") === "ill")
      throw new InitError(id, { ...state, sum: "ill" }, ["it is not well"], inputs);
    const imported = Object.keys(inputs).length === 0 ? { packages: ["imported"], password: "READCANARY" } : inputs;
    return { id, state: stateOf(imported), inputs: imported };
  },
  async update(call, { id, news }) {
    note(call, news);
    if (call.preview) return { state: { ...news, made: Unknown.value } };
    await work(call, id, news);
    return { state: stateOf(news) };
  },
  async delete(call, { id, state }) {
    note(call, state);
    rmSync(place(call, id), { force: true });
  },
};

const getThing: Invoke = async (call, args) => {
  note(call, args);
  if (args.name === "nobody") return { failures: [{ property: "name", reason: "there is no such thing" }] };
  return { result: { name: args.name, token: "FUNCTIONCANARY" } };
};

export const provider: Provider = {
  schema: () => JSON.stringify(schema),
  resources: { [TOKEN]: async () => thing },
  functions: { "pine:index:getThing": async () => getThing },
  checkConfig,
  comparable,
  configure,
};
