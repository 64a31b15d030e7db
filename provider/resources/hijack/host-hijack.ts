/** HostHijack: one server that runs a commit. The folders are read in the order check, look, plan, act. */
import { randomBytes } from "node:crypto";
import { hasUnknown, plain } from "../../properties/values.ts";
import type { Resource } from "../../resource.ts";
import { storeIfThere } from "../store.ts";
import { converge } from "./act/converge.ts";
import { giveBack } from "./act/give-back.ts";
import { checkHijack } from "./check/check.ts";
import { diffHijack } from "./check/diff.ts";
import { onlyPolicy, refuseKnownFailure, vanished } from "./check/policy.ts";
import { hijackInputs } from "./model/inputs.ts";
import { inputsBefore, leftFrom } from "./model/left.ts";
import { outputs } from "./model/outputs.ts";
import type { HijackState } from "./model/state.ts";
import { hostRoot } from "./plan/kept.ts";
import { previewState } from "./preview.ts";
import { readHost } from "./read.ts";

export const hostHijack: Resource = {
  check: async (_call, { news }) => checkHijack(news),
  diff: (call, args) => diffHijack(call, args),

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await previewState(call, inputs, undefined) };
    // random, so that only its own resource removes the installation
    const id = randomBytes(16).toString("hex");
    return { id, state: await converge({ inputs: hijackInputs(inputs), id }, { props: inputs }, call) };
  },

  async update(call, { id, olds, oldInputs, news }) {
    const state = plain(olds) as HijackState;
    if (onlyPolicy(state, oldInputs, news)) {
      call.info("nothing is done on the server: the change is only for later operations");
      return { state: outputs(news, state) };
    }
    if (!hasUnknown(news.commit)) refuseKnownFailure(state, hijackInputs(news));
    if (call.preview) return { state: await previewState(call, news, state, oldInputs) };
    const left = () => ({ ...olds, unreachable: true, unfinished: true, leftFrom: leftFrom(olds, oldInputs) });
    if (call.member?.left) {
      call.warn("it cannot be reached: nothing was done, and the next `pulumi up` goes on");
      return { state: left() };
    }
    const wish = {
      inputs: hijackInputs(news),
      before: inputsBefore(oldInputs, state),
      state,
      id: state.installationId ?? id,
    };
    try {
      return { state: await converge(wish, { props: news, oldProps: oldInputs }, call) };
    } catch (error) {
      if (!vanished(error, oldInputs, news)) throw error;
      call.warn(
        "it cannot be reached: nothing was done there, and the next `pulumi up` goes on; `pulumi destroy` forgets it from now on",
      );
      return { state: left() };
    }
  },

  read: readHost,

  async delete(call, { state, inputs }) {
    const known = plain(state) as HijackState;
    await giveBack(call, known, hijackInputs(inputs));
    await (await storeIfThere(call))?.dropRoot(hostRoot(known.installationId));
  },
};
