/**
 * The exponential average over x[from] to x[to - 1]: each value moves the average by alpha times its distance. Returns
 * the last average, which is always finite. A step too small to move the average sets it to x: so on flat data it
 * settles at the same value whatever came before, within its own rounding error. (With extremely small alphas the jump
 * could be larger.)
 */
export function follow(
  x: Float64Array,
  from: number,
  to: number,
  alpha: number,
  average: number,
  out: Float64Array,
): number {
  if (alpha < arrivingAlphaMin) return followCarefully(x, from, to, alpha, average, out);
  if (alpha === 1) {
    for (let i = from; i < to; i++) out[i] = x[i];
    return to > from ? x[to - 1] : average;
  }
  // The + tells the compiler that it is a number; otherwise it boxes each average.
  let last = +average;
  for (let i = from; i < to; i++) {
    const next = last + alpha * (x[i] - last);
    last = next === last ? x[i] : next;
    out[i] = last;
  }
  // A non-finite average stays non-finite, so one check at the end suffices; a check per row would double the time.
  return last - last === 0 ? last : followCarefully(x, from, to, alpha, average, out);
}

const arrivingAlphaMin = 2 ** -20;

function followCarefully(
  x: Float64Array,
  from: number,
  to: number,
  alpha: number,
  average: number,
  out: Float64Array,
): number {
  let last = average;
  for (let i = from; i < to; i++) {
    const next = last + alpha * (x[i] - last);
    if (next === last) last = alpha < arrivingAlphaMin ? last : x[i];
    // Only values of opposite signs can have a distance beyond the double range. Their average is within it.
    else last = next - next === 0 ? next : alpha * x[i] + (1 - alpha) * last;
    out[i] = last;
  }
  return last;
}
