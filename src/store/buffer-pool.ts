const bytesMin = 65_536;
const bytesMax = 16_000_000;
const buffersMax = 8;

/** A pool of large buffers. A new buffer for each statement costs more in garbage collection than filling it. */
const spare: Buffer[] = [];

export function takeBuffer(bytes: number): Buffer {
  if (bytes < bytesMin) return Buffer.allocUnsafe(bytes);
  const at = spare.findIndex((buffer) => buffer.length >= bytes);
  const whole = at < 0 ? Buffer.allocUnsafeSlow(Math.ceil(bytes * 1.25)) : spare.splice(at, 1)[0];
  return whole.subarray(0, bytes);
}

/** Returns a buffer that no code uses any more. */
export function giveBuffer(buffer: Buffer): void {
  const bytes = buffer.buffer.byteLength;
  if (buffer.byteOffset !== 0 || bytes < bytesMin || bytes > bytesMax || spare.length >= buffersMax) return;
  spare.push(Buffer.from(buffer.buffer));
}
