import {
  type Pace,
  type ReplicaState,
  SnapshotDamagedError,
  type Write,
  writeSnapshot,
} from '../engine/index.ts';
import { DiskError, type DiskFile } from '../ports/index.ts';
import type { Index, ReplicaId, Term } from '../raft/index.ts';
import type { ReplicaHost } from './options.ts';
import type { InstallPaces } from './snapshot-work.ts';

export const SNAPSHOT_DIRECTORY = 'snapshots';
/** A snapshot that nobody read for this long is deleted; whoever still wants it gets a new one. Milliseconds. */
const UNREAD_MS_MAX = 60_000;
/** Whoever asks again after so many offers of one file cannot use it: it may be damaged here, and another one is made. */
const OFFERS_MAX = 2;

interface Offered {
  readonly index: Index;
  readonly term: Term;
  readonly path: string;
  readonly file: DiskFile;
  readonly bytes: number;
  /** How often it was offered, by follower. */
  readonly offers: Map<ReplicaId, number>;
  readAt: number;
}

/** The node stops in the middle of it. */
class ClosedError extends Error {
  override readonly name = 'ClosedError';
}

/** The snapshot files of one replica (E3): the one it offers to followers, and the one it fetches from its leader. */
export class Snapshots {
  readonly #host: ReplicaHost;
  readonly #group: number;
  readonly #id: ReplicaId;
  readonly #state: ReplicaState;
  #offered: Offered | undefined;
  #making: Promise<Offered> | undefined;
  /** While nobody reads to it. */
  #readMemory: Uint8Array | undefined;
  #makingIndex: Index | undefined;
  #closed = false;

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
   * A snapshot of the state as it is when its turn comes, or the one that is offered already, unless it is of before `least` or
   * the follower `to` could not use it. Undefined when the disk refused.
   */
  async make(
    to: ReplicaId,
    least: Index,
    caches: () => readonly Write[],
  ): Promise<{ index: Index; term: Term } | undefined> {
    try {
      const old = this.#offered;
      if (old && (old.index < least || (old.offers.get(to) ?? 0) >= OFFERS_MAX)) {
        await this.#drop(old);
      }
      if (!this.#offered) {
        this.#making ??= this.#host.snapshotWork.making((pace) => this.#write(caches, pace));
        this.#offered = await this.#making;
      }
      const { index, term, offers } = this.#offered;
      offers.set(to, 1 + (offers.get(to) ?? 0));
      this.#offered.readAt = this.#host.clock.monotonic();
      return { index, term };
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof ClosedError)) throw error;
      return undefined;
    } finally {
      this.#making = undefined;
      this.#makingIndex = undefined;
    }
  }

  /**
   * Calls `use` with a part of the file, which is valid within the call, or with undefined when the snapshot is not there. A
   * file is sent in thousands of parts: with memory of its own for each the collector would stop the node again and again.
   */
  async read(
    index: Index,
    offset: number,
    length: number,
    use: (bytes: Uint8Array | undefined) => void,
  ): Promise<void> {
    const offered = this.#offered;
    if (offered?.index !== index) return use(undefined);
    offered.readAt = this.#host.clock.monotonic();
    const memory = this.#readMemory?.length === length ? this.#readMemory : new Uint8Array(length);
    this.#readMemory = undefined;
    use(await offered.file.read(offset, length, memory));
    this.#readMemory = memory;
  }

  /** One lies ready for others. */
  get isOffered(): boolean {
    return this.#offered !== undefined;
  }

  /** Deletes what nobody reads, nor waits for: a follower may have to install those of other groups first. */
  async tick(isAwaited: (index: Index) => boolean): Promise<void> {
    const offered = this.#offered;
    if (!offered) return;
    const now = this.#host.clock.monotonic();
    if (isAwaited(offered.index)) offered.readAt = now;
    else if (now - offered.readAt >= UNREAD_MS_MAX) await this.#drop(offered);
  }

  /** What is under way ends before it touches the state again. */
  close(): void {
    this.#closed = true;
  }

  async #drop({ file, path, bytes }: Offered): Promise<void> {
    this.#offered = undefined;
    this.#readMemory = undefined;
    this.#host.snapshotWork.offered(-bytes);
    await file.close();
    await this.#host.disk.remove(path);
  }

  /** Fetches the snapshot from the replica that offers it, and makes it the state. False: it was not to be had. */
  async install(from: ReplicaId, index: Index, paces: InstallPaces): Promise<boolean> {
    const { disk } = this.#host;
    const path = `${SNAPSHOT_DIRECTORY}/${this.#id}-${index}.in`;
    await disk.remove(path);
    try {
      const pace = this.#whileOpen(paces.fetching);
      if (!(await this.#host.fetchSnapshot(this.#group, from, index, path, pace))) {
        return false;
      }
      await this.#state.installSnapshot(disk, path, this.#whileOpen(paces.installing));
      return true;
    } catch (error) {
      // A file that arrived damaged, or a disk without room: the state is the old one, and the leader offers again.
      const passes =
        error instanceof SnapshotDamagedError ||
        error instanceof ClosedError ||
        (error instanceof DiskError && error.code === 'full');
      if (!passes) throw error;
      return false;
    } finally {
      // Not waited for: until the caller has read the new state, what it keeps in memory is of the old one.
      disk.remove(path).catch((error) => this.#host.fatal(error));
    }
  }

  #whileOpen(pace: Pace): Pace {
    return async (bytes) => {
      await pace(bytes);
      if (this.#closed) throw new ClosedError();
    };
  }

  async #write(caches: () => readonly Write[], pace: Pace): Promise<Offered> {
    if (this.#closed) throw new ClosedError();
    const { disk, clock } = this.#host;
    // Before anything is waited for: the state moves on meanwhile, and the view and its index must be of one moment.
    this.#state.complete(caches());
    const view = this.#state.view();
    const { appliedIndex: index, appliedTerm: term } = view;
    this.#makingIndex = index;
    const path = `${SNAPSHOT_DIRECTORY}/${this.#id}-${index}.out`;
    let bytes: number;
    try {
      await disk.remove(path);
      const meta = new Uint8Array(0);
      ({ bytes } = await writeSnapshot(view, disk, path, meta, this.#whileOpen(pace)));
    } finally {
      view.close();
    }
    const file = await disk.open(path);
    this.#host.snapshotWork.offered(bytes);
    return { index, term, path, file, bytes, offers: new Map(), readAt: clock.monotonic() };
  }
}
