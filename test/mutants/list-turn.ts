/** Mutants of a group's reboot lock, as it is on servers. */
import type { Mutant } from "./mutant.ts";

const at = (name: string) => `provider/system/rootfs/usr/libexec/pine/${name}`;

export const TURN_MUTANTS: Mutant[] = [
  {
    name: "who does not come back counts as up",
    file: at("turn-group"),
    from: '$1 == "holder" && $2 "" != id "" { held++',
    to: '$1 == "holder" && $2 "" != id "" && $5 + grace >= at { held++',
    tests: ["test/e2e/turn-holders.test.ts"],
  },
  {
    name: "a commit that failed elsewhere is booted here",
    file: at("turn-take"),
    from: '[ "${failed%% *}" -gt "$max" ]',
    to: '[ "${failed%% *}" -gt 99 ]',
    tests: ["test/e2e/turn-verdicts.test.ts"],
  },
  {
    name: "a turn ends well before its commit is confirmed",
    file: at("turn-report"),
    from: "|| ! confirmed; then stop 1",
    to: "; then stop 1",
    tests: ["test/e2e/turn-verdicts.test.ts"],
  },
  {
    name: "a member of Consul that is cut off is believed",
    file: at("turn-consul"),
    from: "?consistent",
    to: "?stale",
    tests: ["test/e2e/turn-consul.test.ts"],
  },
  {
    name: "Consul's store is written whatever others wrote",
    file: at("turn-consul"),
    from: '"/v1/kv/$key?cas=$revision" "$1"',
    to: '"/v1/kv/$key" "$1"',
    tests: ["test/e2e/turn-consul.test.ts"],
  },
  {
    name: "a failed commit gives FleetLock's slot back",
    file: at("turn-fleetlock"),
    from: "    failed) return 0 ;;\n",
    to: "    failed) give_back && return ;;\n",
    tests: ["test/e2e/turn-fleetlock.test.ts"],
  },
  {
    name: "an old time without the store counts as the wait of the next",
    file: at("turn"),
    from: 'heard() { rm -f "$run/pine.turn.away"; }',
    to: "heard() { :; }",
    tests: ["test/e2e/turn-fleetlock.test.ts"],
  },
  {
    name: "whom FleetLock's absence let go is stopped at the last look",
    file: at("turn-fleetlock"),
    from: ' || may_go_without "$1"\n',
    to: "\n",
    tests: ["test/e2e/turn-fleetlock.test.ts"],
  },
  {
    name: "a resolver on the server that is dead is asked on",
    file: "provider/system/extras/resolver/usr/libexec/pine/resolver",
    from: "  if answers; then wanted=local; fi\n",
    to: "  wanted=local\n",
    tests: ["test/e2e/turn-resolver-kills.test.ts"],
  },
  {
    name: "a turn of an `up` that was killed keeps the server from another commit",
    file: at("turn-report"),
    from: '[ "${taking:-$1}" = "$1" ] && ',
    to: "",
    tests: ["test/e2e/turn-etcd.test.ts"],
  },
  {
    name: "a turn is asked after once in a trial that is judged from outside",
    file: at("judge"),
    from: ' && [ "$(state slot)" = "$(state running)" ]; then',
    to: "; then",
    tests: ["test/unit/system/turn-settles.test.ts"],
  },
  {
    name: "a store is believed that it wrote",
    file: at("turn"),
    from: '  [ "$(own holder)" = "$wrote" ] || {',
    to: "  [ -e / ] || {",
    tests: ["test/unit/system/turn-lies.test.ts"],
  },
  {
    name: "a turn is taken before what is known here is looked at",
    file: at("upgrade"),
    from: '  objections "$1"\n  id=$(seconds)\n',
    to: "  id=$(seconds)\n",
    tests: ["test/unit/system/upgrade-waits.test.ts"],
  },
  {
    name: "a server that waits for its turn looks again in an hour",
    file: at("upgrade"),
    from: "most=$((45 + $(spread",
    to: "most=$((3545 + $(spread",
    tests: ["test/unit/system/upgrade-asks.test.ts"],
  },
  {
    name: "a portal's page is a turn of FleetLock's",
    file: at("turn-fleetlock"),
    from: "in '<') why=",
    to: "in '<<') why=",
    tests: ["test/e2e/turn-fleetlock.test.ts"],
  },
  {
    name: "usual nameservers alone are none that a local resolver can stand in for",
    file: "provider/system/extras/resolver/usr/libexec/pine/resolver",
    from: ` "$kept/normal" || :\n`,
    to: ` "$kept/normal"\n`,
    tests: ["test/unit/image/recipe/resolver.test.ts"],
  },
];
