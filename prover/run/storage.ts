/** Where a run keeps its files between two processes; the caller decides where and how (files of mode 0600, encrypted or not). */
export interface RunStorage {
  /** Null if there is none. */
  load(name: string): Promise<Uint8Array | null>;
  /** Written whole or not at all. Everything but the proofs' bytes is secret. */
  save(name: string, bytes: Uint8Array, secret: boolean): void;
}
