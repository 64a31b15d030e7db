/** The kernel of a commit, as a server and an image know it. */

export interface CommitKernel {
  /** Bytes of both. */
  bytes: number;
  /** Of what is in them: OSTree keeps those of two commits that are the same once. */
  id: string;
}
