/** Mutants of what a server does about updates. */
import type { Mutant } from "./mutant.ts";

const LIB = "provider/system/rootfs/usr/libexec/pine";

export const UPDATE_MUTANTS: Mutant[] = [
  {
    name: "a mirror that stands still is believed",
    file: `${LIB}/pull`,
    from: '[ "$number" -ge "$seen" ] ||',
    to: "true ||",
    tests: ["test/unit/system/pull.test.ts"],
  },
  {
    name: "a change of keys that nobody signed is followed",
    file: `${LIB}/trust`,
    from: 'if signed_by "$keys" "$work/change" "$work/change.signatures"; then',
    to: "if true; then",
    tests: ["test/unit/system/pull-keys.test.ts"],
  },
  {
    name: "what cannot be compared is no older version",
    file: `${LIB}/trust`,
    from: '[ "$compared" -le 1 ] ||',
    to: "true ||",
    tests: ["test/unit/system/pull-keys.test.ts"],
  },
  {
    name: "damaged objects are booted",
    file: `${LIB}/pull`,
    from: "if all_there && sound; then return 0; fi",
    to: "if all_there; then return 0; fi",
    tests: ["test/unit/system/pull-objects.test.ts"],
  },
  {
    name: "a turn is not freed when a hook says no",
    file: `${LIB}/upgrade`,
    from: 'give_up() { # reason\n  free_turn "$1"\n',
    to: "give_up() { # reason\n",
    tests: ["test/unit/system/upgrade-waits.test.ts"],
  },
  {
    name: "a hold that came meanwhile is not seen",
    file: `${LIB}/upgrade`,
    from: '(objections "$1") || {',
    to: "true || {",
    tests: ["test/unit/system/upgrade-waits.test.ts"],
  },
  {
    name: "a hook that cannot be run is left out",
    file: `${LIB}/hooks`,
    from: '    said="is no program that can be executed"\n    return 1\n',
    to: "    return 0\n",
    tests: ["test/unit/system/update-rules.test.ts"],
  },
  {
    name: "the program takes a server back that went ahead",
    file: "provider/resources/hijack/check/diff.ts",
    from: "if (!followed && !equalValues(",
    to: "if (!equalValues(",
    tests: ["test/unit/resources/hijack/check/followed.test.ts"],
  },
  {
    name: "a server that runs a commit on trial speaks for it",
    file: "provider/resources/ring/gate.ts",
    from: "return status.running === status.slot ?",
    to: "return true ?",
    tests: ["test/unit/resources/ring/gate.test.ts"],
  },
  {
    name: "a ring is signed while servers before it are waited for",
    file: "provider/resources/ring/sign.ts",
    from: 'if (gate.is === "waits") return',
    to: 'if (gate.is === "waits" && history.length === 0) return',
    tests: ["test/unit/resources/ring/gate.test.ts"],
  },
  {
    name: "a withdrawn commit is signed for the next ring",
    file: "provider/resources/ring/sign.ts",
    from: "if (withdrawn.includes(wanted.checksum)) return",
    to: "if (false) return",
    tests: ["test/unit/resources/ring/gate.test.ts"],
  },
  {
    name: "a Fleet takes servers that pull without rings",
    file: "provider/resources/fleet/check.ts",
    from: "if (!rings) return each(",
    to: "if (!rings) return []; if (!rings) return each(",
    tests: ["test/unit/resources/fleet/rings.test.ts"],
  },
  {
    name: "the program brings a commit to a server that only itself does",
    file: "provider/resources/hijack/model/followed.ts",
    from: "if (inputs.updates?.pullOnly && before) return",
    to: "if (false) return",
    tests: ["test/unit/resources/hijack/check/followed.test.ts"],
  },
  {
    name: "a clock that was set makes windows missed",
    file: `${LIB}/window`,
    from: "[ ${jump#-} -le 3600 ]",
    to: "true",
    tests: ["test/unit/system/missed-windows.test.ts"],
  },
  {
    name: "who waited for its turn goes into what was offered long ago",
    file: `${LIB}/upgrade`,
    from: '  [ -n "$asked" ] || ask_again\n',
    to: "",
    tests: ["test/unit/system/upgrade-asks.test.ts"],
  },
];
