/** A file that somebody sent, for jobs of theirs to read. Times are ISO 8601 in UTC. */
export interface Upload {
  id: string;
  owner: string;
  name: string;
  sizeBytes: number;
  /** In hexadecimal digits. */
  sha256: string;
  createdAt: string;
  /** Gone after this, unless a job that is not over reads it. */
  expiresAt: string;
}

export interface UploadStore {
  /** Makes room for one; nobody can use it before `finish`. Throws `quota_exceeded` at the owner's limit. */
  begin(input: { id: string; owner: string; name: string; lastsMs: number }): Promise<void>;
  /** The next piece, in the order of `place` from 0 on. */
  append(id: string, place: number, bytes: Uint8Array): Promise<void>;
  finish(id: string, content: { sizeBytes: number; sha256: string }): Promise<Upload>;
  /** Success when absent. */
  discard(id: string): Promise<void>;
  /** What a job is to find in its inputs, by name. */
  ofJob(job: string): Promise<{ name: string; upload: string; sizeBytes: number }[]>;
  /** Piece by piece. Iterating throws when it is gone. */
  read(id: string): AsyncIterable<Uint8Array>;
  /** Drops what has expired and no job needs any more. Gives how many. */
  forget(limit: number): Promise<number>;
}
