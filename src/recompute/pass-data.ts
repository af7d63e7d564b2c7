import { PointSource } from '../derive/line-source.ts';
import { mergeVersions, type Versions } from '../engine/versions.ts';
import type { BlockStepReads } from '../store/batched-reads.ts';
import type { Column } from '../store/block-columns.ts';
import { type Asked, storageOf, within } from '../store/definitions.ts';
import { earliest, firstChangeOf } from './changes.ts';
import type { Lane, LaneRegistry } from './lane-registry.ts';

/** The changes that lanes need: those of their sources, and those of lanes that they read and that have another basis. */
export function changesToRead(
  lanes: readonly Lane[],
  registry: LaneRegistry,
  bases: ReadonlyMap<number, Pick<Lane, 'basis'>>,
): Asked[] {
  const asked: Asked[] = [];
  for (const lane of lanes) {
    const { row } = lane;
    const { basis } = bases.get(row.id) ?? lane;
    for (const storage of row.sources) asked.push({ storage, after: basis });
    for (const id of row.upstream) {
      // A lane with the same basis advances in the same pass, which knows its changes then.
      const upstream = registry.lanes.get(id);
      if (upstream && bases.get(id)?.basis !== basis) asked.push({ storage: storageOf(upstream.row), after: basis });
    }
  }
  return earliest(asked);
}

/** The data of a pass: the changes that it has read, those that its own lanes have made, and the points of storages. */
export class PassData {
  readonly #reads: BlockStepReads;
  readonly #changed: ReadonlyMap<number, Versions>;
  /** The changes that lanes of this pass have made, by storage. */
  readonly #made = new Map<number, Versions>();
  readonly #sources = new Map<string, PointSource>();

  constructor(reads: BlockStepReads, changed: ReadonlyMap<number, Versions>) {
    this.#reads = reads;
    this.#changed = changed;
  }

  /** The number of changed versions that were read. */
  get versions(): number {
    let count = 0;
    for (const { t } of this.#changed.values()) count += t.length;
    return count;
  }

  /** The first revision after another one that changed one of these sources; infinite if none did. */
  firstChange(sources: readonly number[], after: number): number {
    return firstChangeOf(this.#changed, sources, after);
  }

  /** The changes of a storage in (after, upTo]. */
  changesOf(storage: number, after: number, upTo: number): Versions | undefined {
    const parts = [this.#changed.get(storage), this.#made.get(storage)].flatMap((versions) =>
      versions ? [within(versions, after, upTo)] : [],
    );
    const versions = parts.length === 1 ? parts[0] : mergeVersions(parts);
    return versions.t.length > 0 ? versions : undefined;
  }

  /** The points of a storage at a revision. */
  source(storage: number, asOf: number): PointSource {
    const name = `${storage} ${asOf}`;
    let source = this.#sources.get(name);
    if (!source) {
      const made = this.#made.get(storage);
      source = new PointSource(this.#reads, storage, asOf, made && made.revision[0] <= asOf ? made : undefined);
      this.#sources.set(name, source);
    }
    return source;
  }

  /** Takes the changes that a lane makes to a storage at a revision, before another lane reads it. */
  write(storage: number, { t, value }: Column, revision: number): void {
    if (t.length === 0) return;
    this.#made.set(storage, { t, value, size: undefined, revision: new Float64Array(t.length).fill(revision) });
  }

  /** Takes back the changes of a lane that failed. */
  discard(storages: readonly number[]): void {
    for (const storage of storages) this.#made.delete(storage);
  }
}
