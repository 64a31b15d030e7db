/** What the lab's containers are asked for, and what they can do. */
import type { RunResult } from "../../../provider/local/run.ts";
import type { Log, Release } from "../vps/bases.ts";
import type { Reached } from "../vps/ssh.ts";
import type { ContainerNetwork } from "./config.ts";
import type { Memory } from "./memory.ts";
import type { Stage } from "./stage.ts";

export interface LxcOptions {
  release?: Release;
  /** Its root is this machine's; else it has ids of its own. */
  privileged: boolean;
  /** Limit of its memory in MiB, page cache included; default: none. */
  memoryMiB?: number;
  /** Who gives it its address; default "host". */
  network?: ContainerNetwork;
  /** Host name, and name in messages; default "vps". */
  name?: string;
  /** Where its root is; default "folder". "loop": an ext4 in a sparse file, for {@link Lxc.powerCut}. */
  root?: "folder" | "loop";
  /** Size of the image in MiB; default 4096. */
  diskMiB?: number;
  /**
   * A root of {@link Lxc.stopAndKeep} with the same `privileged` and `root`: it is copied instead of unpacking Debian.
   */
  from?: string;
  /**
   * What it sees at /sys/fs/cgroup: the machine's controllers, or version 2 alone; default: what its systemd can use.
   */
  groups?: "machine" | "v2";
  /** Port of SSH on 127.0.0.1; default: a free one. */
  port?: number;
  /** More lines of LXC's configuration. */
  config?: string[];
  /** Wait for SSH; default true. */
  wait?: boolean;
  log?: Log;
}

export interface Lxc extends Reached {
  /** LXC's name of it. */
  readonly name: string;
  /** Of its init on this machine, another one after each restart; 0 when it is off. */
  readonly pid: number;
  /** Its root as this machine sees it, also while it is off. */
  readonly rootfs: string;
  /** The image file of the root, if it has one. */
  readonly image?: string;
  /** Its address in its own network. */
  readonly address: string;
  /**
   * Its neighbour there, at the gateway's address: runs a program, starts one that ends with us, or leads a port to
   * this machine's.
   */
  readonly beside: Pick<Stage, "run" | "start" | "outward">;
  /** Runs a program in it as its root, without SSH; any exit code is an answer. Timeout in ms, default 120 s. */
  exec(argv: string[], o?: { input?: string | Uint8Array; timeout?: number }): Promise<RunResult>;
  /** What came on its console since the first start. */
  readonly consoleText: string;
  /** Waits until a command runs over SSH; throws when that takes longer (default 60 s) or it ends. */
  waitForSsh(timeoutMs?: number): Promise<void>;
  /** Waits until it has ended by itself, as after `poweroff`; throws when that takes longer. */
  off(timeoutMs: number): Promise<void>;
  memory(): Memory;
  /** Starts it again: same root, port and address, changed from now on. Does not wait for SSH. */
  start(change?: { memoryMiB?: number }): Promise<void>;
  /**
   * As the manager's "restart": init is asked to end, and killed after `graceMs` (default 30 s); then started. Does not
   * wait for SSH.
   */
  restart(graceMs?: number): Promise<void>;
  /** SIGKILL of its init and of LXC. What it wrote is kept, synced or not. */
  kill(): Promise<void>;
  /** What the power takes: everything it did not sync is lost. For root "loop". It is off afterwards. */
  powerCut(): Promise<void>;
  /** Off for good; nothing of it stays. A second call does nothing. */
  stop(): Promise<void>;
  /**
   * Ends it, and moves its root (folder or image) to `to`, which must not exist and be on the cache's file system.
   * Nothing else of it stays.
   */
  stopAndKeep(to: string): Promise<void>;
}
