/** Mutants of what a server does by itself: updates, and a watchdog. */
import type { Mutant } from "./mutant.ts";

const LIB = "provider/system/rootfs/usr/libexec/pine";

export const UPDATE_MUTANTS: Mutant[] = [
  {
    name: "a slot that a killed run armed stays armed",
    file: `${LIB}/upgrade`,
    from: '  one_at_a_time "reboot into version $version"\n  take_back\n',
    to: '  one_at_a_time "reboot into version $version"\n',
    tests: ["test/unit/system/markers.test.ts"],
  },
  {
    name: "a watchdog is fed without a look",
    file: "provider/system/settings/watchdog/usr/libexec/pine/watchdog",
    from: "if lives; then printf k >&9; fi",
    to: "lives & printf k >&9",
    tests: ["test/unit/image/recipe/watchdog.test.ts"],
  },
  {
    name: "a watchdog stays armed at a clean end",
    file: "provider/system/settings/watchdog/usr/libexec/pine/watchdog",
    from: "disarm() { printf V >&9; }",
    to: "disarm() { :; }",
    tests: ["test/unit/image/recipe/watchdog.test.ts"],
  },
  {
    name: "a proxy is told what https asks for",
    file: `${LIB}/requests`,
    from: 'elif [ -n "$proxy" ]; then',
    to: "elif false; then",
    tests: ["test/unit/system/requests.test.ts"],
  },
  {
    name: "the proxy of a shell is taken",
    file: `${LIB}/requests`,
    from: "  unset http_proxy https_proxy ",
    to: "  : http_proxy https_proxy ",
    tests: ["test/unit/system/requests.test.ts"],
  },
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
];
