/** Mutants of what chooses and starts a slot. */
import type { Mutant } from "./mutant.ts";

export const BOOT_MUTANTS: Mutant[] = [
  {
    name: "entries of GRUB ask for its password",
    file: "provider/system/grub/pine.cfg",
    from: ' --unrestricted "$s"',
    to: ' "$s"',
    tests: ["test/e2e/grub.test.ts"],
  },
  {
    name: "GRUB's count that is not read back",
    file: "provider/system/grub/pine.cfg",
    from: "      set pine_tries=\n      load_env --file $pine_dir/env pine_tries\n",
    to: "",
    tests: ["test/e2e/grub.test.ts"],
  },
  {
    name: "a boot part on trial that cannot start its slot is helped by the stub",
    file: "provider/system/grub/pine.cfg",
    from: '      if [ -z "$7" -o -z "$pine_extra" ]; then\n',
    to: "      if true; then\n",
    tests: ["test/e2e/grub-part.test.ts"],
  },
  {
    name: "a damaged environment block stays",
    file: "provider/system/rootfs/usr/libexec/pine/agent",
    from: ' && [ -z "$(get boots)" ] && whole_env; then',
    to: ' && [ -z "$(get boots)" ]; then',
    tests: ["test/unit/system/boot-part.test.ts"],
  },
];
