/** Mutants of when a server reboots into an update. */
import type { Mutant } from "./mutant.ts";

const LIB = "provider/system/rootfs/usr/libexec/pine";

export const UPDATE_MUTANTS: Mutant[] = [
  {
    name: "a server on trial looks for the next update",
    file: `${LIB}/upgrade`,
    from: 'if [ "$(argument pine.trial)" = 1 ] && ! confirmed; then echo 60 && return; fi',
    to: "",
    tests: ["test/unit/system/upgrade.test.ts"],
  },
  {
    name: "a slot that a killed run armed stays armed",
    file: `${LIB}/upgrade`,
    from: '  one_at_a_time "reboot into version $version"\n  take_back\n',
    to: '  one_at_a_time "reboot into version $version"\n',
    tests: ["test/unit/system/markers.test.ts"],
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
    name: "who waited for its turn goes into what was offered long ago",
    file: `${LIB}/upgrade`,
    from: '  [ -n "$asked" ] || ask_again\n',
    to: "",
    tests: ["test/unit/system/upgrade-asks.test.ts"],
  },
  {
    name: "hooks that a power cut ended are not run again",
    file: `${LIB}/upgrade`,
    from: '    run_hooks returned "$from" "$to" "$id" 8>&-',
    to: '    rm -f "$(memory)/pull/trial"\n    run_hooks returned "$from" "$to" "$id" 8>&-',
    tests: ["test/unit/system/migrated-data.test.ts"],
  },
  {
    name: "judge and service run the hooks of one update at the same time",
    file: `${LIB}/upgrade`,
    from: "  flock 8\n",
    to: "",
    tests: ["test/unit/system/migrated-data.test.ts"],
  },
  {
    name: "what a killed run armed waits for another's reboot",
    file: `${LIB}/upgrade`,
    from: '(one_at_a_time "taking back a reboot" && take_back)',
    to: '(one_at_a_time "taking back a reboot")',
    tests: ["test/unit/system/upgrade-apart.test.ts"],
  },
  {
    name: "a reboot that cannot be begun leaves what was deployed",
    file: `${LIB}/upgrade`,
    from: '    agent restore "$deployment" >/dev/null 2>&1 || true\n    rm -f',
    to: "    rm -f",
    tests: ["test/unit/system/upgrade-apart.test.ts"],
  },
  {
    name: "a commit that cannot be deployed is tried as often as at first",
    file: `${LIB}/upgrade`,
    from: "(300 << (tries < 8 ? tries : 8))",
    to: "300",
    tests: ["test/unit/system/upgrade-apart.test.ts"],
  },
  {
    name: "a clock that jumped ends the looks for updates",
    file: `${LIB}/upgrade`,
    from: " || [ $((due - $(seconds))) -gt $((2 * $(period))) ]; then",
    to: "; then",
    tests: ["test/unit/system/upgrade-apart.test.ts"],
  },
  {
    name: "a reboot begins after its window",
    file: `${LIB}/upgrade`,
    from: '  [ -n "$1" ] || right_moment open\n',
    to: "",
    tests: ["test/unit/system/upgrade-moment.test.ts"],
  },
  {
    name: "a window is told by a clock that is wrong",
    file: `${LIB}/upgrade`,
    from: 'if clock_is_wrong && [ "$(uptime_seconds)" -lt 86400 ]; then',
    to: "if false; then",
    tests: ["test/unit/system/upgrade-moment.test.ts"],
  },
  {
    name: "a look that cannot be had is tried in a loop",
    file: `${LIB}/upgrade`,
    from: "[ $left -gt 0 ] || left=300",
    to: "true",
    tests: ["test/unit/system/upgrade-moment.test.ts"],
  },
  {
    name: "a withdrawal counts only with the statement that was staged",
    file: `${LIB}/upgrade`,
    from: "for manifest in offered staged; do",
    to: "for manifest in staged; do",
    tests: ["test/unit/system/upgrade-moment.test.ts"],
  },
  {
    name: "what a killed run armed stays armed until a person asks",
    file: `${LIB}/upgrade`,
    from: '(one_at_a_time "taking back a reboot" && take_back) >/dev/null 2>&1 || true; fi',
    to: ":; fi",
    tests: ["test/unit/system/upgrade-moment.test.ts"],
  },
];
