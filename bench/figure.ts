/** One line of the closing table. */
export interface Figure {
  readonly name: string;
  readonly ours: string;
  readonly peer: string;
  readonly ratio: string;
  readonly wanted: string;
  readonly verdict: 'ok' | 'short' | '';
}

export interface Pairs {
  readonly ours: readonly number[];
  readonly peer: readonly number[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Peer and ours in turn, so that what else the machine does falls on both; the first turn only warms up. */
export async function alternate(
  rounds: number,
  peer: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<Pairs> {
  const pairs = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const peerResult = await peer();
    const ourResult = await ours();
    if (round === 0) continue;
    pairs.peer.push(peerResult);
    pairs.ours.push(ourResult);
  }
  return pairs;
}

function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The median of the ratios of neighbours: it bears a machine that is busy now and then. */
function ratioOf({ ours, peer }: Pairs): number {
  return median(ours.map((value, i) => value / peer[i]));
}

function compared(name: string, unit: string, pairs: Pairs, ratio: number, wanted: string, holds: boolean): Figure {
  return {
    name,
    ours: `${short(median(pairs.ours))} ${unit}`,
    peer: `${short(median(pairs.peer))} ${unit}`,
    ratio: ratio.toFixed(2),
    wanted,
    verdict: wanted === '' ? '' : holds ? 'ok' : 'short',
  };
}

function atLeast(name: string, unit: string, pairs: Pairs, ratio: number, least: number | undefined): Figure {
  if (least === undefined) return compared(name, unit, pairs, ratio, '', true);
  return compared(name, unit, pairs, ratio, `>= ${least}`, ratio >= least);
}

/** Rates: ours over the peer's; `least` undefined: for information. */
export function rateFigure(name: string, unit: string, pairs: Pairs, least?: number): Figure {
  return atLeast(name, unit, pairs, ratioOf(pairs), least);
}

/** Times: how many times faster than the peer we are. */
export function speedFigure(name: string, unit: string, pairs: Pairs, least?: number): Figure {
  return atLeast(name, unit, pairs, 1 / ratioOf(pairs), least);
}

/** Costs: ours over the peer's, which must stay below. */
export function costFigure(name: string, unit: string, pairs: Pairs, below?: number): Figure {
  const ratio = ratioOf(pairs);
  if (below === undefined) return compared(name, unit, pairs, ratio, '', true);
  return compared(name, unit, pairs, ratio, `< ${below}`, ratio < below);
}

/** A figure with a limit of its own instead of a peer. */
export function limitFigure(name: string, unit: string, value: number, most?: number): Figure {
  return {
    name,
    ours: `${short(value)} ${unit}`,
    peer: '',
    ratio: '',
    wanted: most === undefined ? '' : `<= ${most} ${unit}`,
    verdict: most === undefined ? '' : value <= most ? 'ok' : 'short',
  };
}

export function table(figures: readonly Figure[]): string {
  const head: Figure = { name: 'name', ours: 'ours', peer: 'peer', ratio: 'ratio', wanted: 'wanted', verdict: '' };
  const columns = ['name', 'ours', 'peer', 'ratio', 'wanted', 'verdict'] as const;
  const lines = [head, ...figures];
  const widths = columns.map((column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      columns
        .map((column, i) =>
          column === 'name' || column === 'verdict' ? line[column].padEnd(widths[i]) : line[column].padStart(widths[i]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
