/** The candidates that the author of `name` may have meant, the likeliest first; at most `countMax`. */
export function nearest(name: string, candidates: Iterable<string>, countMax = 3): string[] {
  const wanted = name.toLowerCase();
  const distanceMax = wanted.length < 2 ? 0 : Math.min(distanceCap, Math.max(1, Math.floor(wanted.length / 3)));
  const found: { candidate: string; score: number }[] = [];
  for (const candidate of candidates) {
    const score = scoreOf(wanted, candidate.toLowerCase(), distanceMax);
    if (score !== undefined) found.push({ candidate, score });
  }
  found.sort((a, b) => a.score - b.score || (a.candidate < b.candidate ? -1 : 1));
  return found.slice(0, countMax).map(({ candidate }) => candidate);
}

// There can be a hundred thousand keys of 200 characters: a small bound rules out most of them after a few characters.
const distanceCap = 3;

function scoreOf(wanted: string, candidate: string, distanceMax: number): number | undefined {
  const distance = distanceWithin(wanted, candidate, distanceMax);
  if (distance <= distanceMax) return distance;
  return wanted.length >= 2 && candidate.startsWith(wanted) ? distanceMax + 1 : undefined;
}

/**
 * The edit distance: the number of changed, inserted, deleted or swapped characters. Above `max` the exact number does
 * not matter.
 */
function distanceWithin(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  return tailDistance(a.slice(start), b.slice(start), max);
}

/** Only cells near the diagonal can be at most `max`, so the others are skipped. */
function tailDistance(a: string, b: string, max: number): number {
  let beforeLast: number[] = [];
  let last: number[] = [];
  for (let j = 0; j <= Math.min(max, b.length); j++) last[j] = j;
  for (let i = 1; i <= a.length; i++) {
    const row: number[] = [];
    const at = (cells: readonly number[], j: number): number => cells[j] ?? max + 1;
    let least = max + 1;
    for (let j = Math.max(0, i - max); j <= Math.min(b.length, i + max); j++) {
      let cost =
        j === 0 ? i : Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      row[j] = cost;
      if (cost < least) least = cost;
    }
    if (least > max) return max + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? max + 1;
}
