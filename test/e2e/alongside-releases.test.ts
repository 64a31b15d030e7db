/** Each Debian of the lab with an installation beside it: BIOS, one ext4 partition. */
import { RELEASES } from "../lab/vps/index.ts";
import { lives } from "./alongside-life.ts";

lives(RELEASES.map((release) => ({ release, firmware: "bios", layout: "plain" })));
