/** Mutants of how a server asks for updates and fetches them. */
import type { Mutant } from "./mutant.ts";

const LIB = "provider/system/rootfs/usr/libexec/pine";

export const PULL_MUTANTS: Mutant[] = [
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
    name: "a commit that a cut-off delta left without its mark is never made whole",
    file: `${LIB}/pulling`,
    from: '    : >"$(mark_of "$commit")" || fail "no room in $repo"\n',
    to: "",
    tests: ["test/unit/system/pull-damage.test.ts"],
  },
  {
    name: "what only the running commit lacks keeps a server on it",
    file: `${LIB}/pulling`,
    from: '    if listed "$other"; then rm -f "$(mark_of "$other")"; else : >"$(mark_of "$other")"; fi\n',
    to: "",
    tests: ["test/unit/system/pull-damage.test.ts"],
  },
  {
    name: "damaged objects are booted",
    file: `${LIB}/pull`,
    from: "if all_there && sound; then return 0; fi",
    to: "if all_there; then return 0; fi",
    tests: ["test/unit/system/pull-objects.test.ts"],
  },
  {
    name: "what a pull took of the last inodes stays",
    file: `${LIB}/requests`,
    from: "if grep -q 'No space left' \"$work/pull\"; then",
    to: "if false; then",
    tests: ["test/unit/system/upgrade-full.test.ts"],
  },
];
