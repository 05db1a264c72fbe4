import {
  type ReplicaState,
  SnapshotDamagedError,
  type Write,
  writeSnapshot,
} from '../engine/index.ts';
import { DiskError, type DiskFile } from '../ports/index.ts';
import type { Index, ReplicaId, Term } from '../raft/index.ts';
import type { ReplicaHost } from './replica.ts';

export const SNAPSHOT_DIRECTORY = 'snapshots';
/** A snapshot that nobody read for this long is deleted; whoever still wants it gets a new one. Milliseconds. */
const UNREAD_MS_MAX = 60_000;

interface Offered {
  readonly index: Index;
  readonly term: Term;
  readonly path: string;
  readonly file: DiskFile;
  readAt: number;
}

/** The snapshot files of one replica (E3): the one it offers to followers, and the one it fetches from its leader. */
export class Snapshots {
  readonly #host: ReplicaHost;
  readonly #group: number;
  readonly #id: ReplicaId;
  readonly #state: ReplicaState;
  #offered: Offered | undefined;
  #making: Promise<Offered> | undefined;
  #makingIndex: Index | undefined;

  constructor(host: ReplicaHost, group: number, id: ReplicaId, state: ReplicaState) {
    this.#host = host;
    this.#group = group;
    this.#id = id;
    this.#state = state;
  }

  /** Of the snapshot that is being made: the log after this index must stay (L3). */
  get makingIndex(): Index | undefined {
    return this.#makingIndex;
  }

  /**
   * A snapshot of the state as it is now, or the one that is offered already, unless it is of before `least`. Undefined
   * when the disk refused.
   */
  async make(
    least: Index,
    caches: () => readonly Write[],
  ): Promise<{ index: Index; term: Term } | undefined> {
    try {
      if (this.#offered && this.#offered.index < least) await this.#drop(this.#offered);
      if (!this.#offered) {
        this.#making ??= this.#write(caches);
        this.#offered = await this.#making;
      }
      this.#offered.readAt = this.#host.clock.monotonic();
      return { index: this.#offered.index, term: this.#offered.term };
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return undefined;
    } finally {
      this.#making = undefined;
      this.#makingIndex = undefined;
    }
  }

  async read(index: Index, offset: number, length: number): Promise<Uint8Array | undefined> {
    const offered = this.#offered;
    if (offered?.index !== index) return undefined;
    offered.readAt = this.#host.clock.monotonic();
    return offered.file.read(offset, length);
  }

  /** Deletes what nobody reads. */
  async tick(): Promise<void> {
    const offered = this.#offered;
    if (!offered || this.#host.clock.monotonic() - offered.readAt < UNREAD_MS_MAX) return;
    await this.#drop(offered);
  }

  async #drop({ file, path }: Offered): Promise<void> {
    this.#offered = undefined;
    await file.close();
    await this.#host.disk.remove(path);
  }

  /** Fetches the snapshot from the replica that offers it, and makes it the state. False: it was not to be had. */
  async install(from: ReplicaId, index: Index): Promise<boolean> {
    const { disk } = this.#host;
    const path = `${SNAPSHOT_DIRECTORY}/${this.#id}-${index}.in`;
    await disk.remove(path);
    try {
      if (!(await this.#host.fetchSnapshot(this.#group, from, index, path))) return false;
      await this.#state.installSnapshot(disk, path);
      return true;
    } catch (error) {
      // A file that arrived damaged, or a disk without room: the state is the old one, and the leader offers again.
      const passes =
        error instanceof SnapshotDamagedError ||
        (error instanceof DiskError && error.code === 'full');
      if (!passes) throw error;
      return false;
    } finally {
      // Not waited for: until the caller has read the new state, what it keeps in memory is of the old one.
      disk.remove(path).catch((error) => this.#host.fatal(error));
    }
  }

  async #write(caches: () => readonly Write[]): Promise<Offered> {
    const { disk, clock } = this.#host;
    // Before anything is waited for: the state moves on meanwhile, and the view and its index must be of one moment.
    this.#state.complete(caches());
    const view = this.#state.view();
    const { appliedIndex: index, appliedTerm: term } = view;
    this.#makingIndex = index;
    const path = `${SNAPSHOT_DIRECTORY}/${this.#id}-${index}.out`;
    try {
      await disk.remove(path);
      await writeSnapshot(view, disk, path, new Uint8Array(0));
    } finally {
      view.close();
    }
    return { index, term, path, file: await disk.open(path), readAt: clock.monotonic() };
  }
}
