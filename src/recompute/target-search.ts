import { type LanePosition, type LaneProgress, newestCommonWave } from '../derive/lane-progress.ts';
import type { Database } from '../store/connect.ts';
import { recentWaves } from '../store/lanes.ts';
import type { Lane, LaneRegistry } from './lane-registry.ts';
import type { PassData } from './pass-data.ts';

/** The number of waves that are searched for one at which all lanes that a lane reads are exact. */
const wavesBack = 12;

/** Finds the wave to which each lane of a pass can advance. */
export class TargetSearch {
  readonly #database: Database;
  readonly #registry: LaneRegistry;
  readonly #wave: number;
  readonly #data: PassData;
  /** The positions of the lanes of the pass, and of those that they read. */
  readonly #positions: Map<number, LanePosition>;
  #waves: Promise<readonly number[]> | undefined;

  constructor(
    database: Database,
    registry: LaneRegistry,
    wave: number,
    data: PassData,
    positions: ReadonlyMap<number, LanePosition>,
  ) {
    this.#database = database;
    this.#registry = registry;
    this.#wave = wave;
    this.#data = data;
    this.#positions = new Map(positions);
  }

  /** Takes the position of a lane that has moved, before a lane that reads it asks. */
  moved(definition: number, position: LanePosition): void {
    this.#positions.set(definition, position);
  }

  /** The newest wave at which all lanes that a lane with this basis reads are exact; undefined when there is none yet. */
  async targetOf({ row }: Lane, basis: number): Promise<number | undefined> {
    const upstream: LaneProgress[] = [];
    for (const id of row.upstream) {
      const position = this.#positions.get(id);
      const sources = this.#registry.lanes.get(id)?.row.sources;
      if (!position || !sources) return undefined;
      upstream.push({ ...position, firstChange: this.#firstChange(position.basis, basis, sources) });
    }
    const target = newestCommonWave([this.#wave], upstream);
    if (target !== undefined) return target;
    this.#waves ??= recentWaves(this.#database, wavesBack);
    const older = (await this.#waves).filter((wave) => wave < this.#wave && wave > basis);
    return newestCommonWave(older, upstream);
  }

  /** The first change, up to the wave, after the basis of a lane that is read by one with another basis. */
  #firstChange(basis: number, readerBasis: number, sources: readonly number[]): number {
    if (basis >= this.#wave) return Number.POSITIVE_INFINITY;
    // The reader depends on the same sources; their changes were read from its basis on, at which all was exact.
    return this.#data.firstChange(sources, Math.max(basis, readerBasis));
  }
}
