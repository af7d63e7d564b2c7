/**
 * Of an exponential average: goes through x[from] to x[to - 1], each of which moves the average by alpha times its
 * distance, and gives the last one. Always finite.
 *
 * A step too small to move the average brings it to x: so it comes to rest on flat data, at the same value whatever was
 * before, and is nearer to x than its rounding errors anyway. (Not so for the tiniest alphas, where that could be far.)
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
  // The + tells the compiler that it is a number: otherwise each average is boxed.
  let last = +average;
  for (let i = from; i < to; i++) {
    const next = last + alpha * (x[i] - last);
    last = next === last ? x[i] : next;
    out[i] = last;
  }
  // What is not finite stays so; asking at each row would cost twice the time.
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
    // Only the distance between values of unlike signs can be too large for a double; what lies between them cannot.
    else last = next - next === 0 ? next : alpha * x[i] + (1 - alpha) * last;
    out[i] = last;
  }
  return last;
}
