const keyLengthMax = 200;

/** The reason why a text cannot be the key of a series; undefined when it can. */
export function keyProblem(key: string): string | undefined {
  if (key.length === 0) return 'a key cannot be empty';
  if (key.length > keyLengthMax) return `a key has at most ${keyLengthMax} characters, this one has ${key.length}`;
  if (/\s/u.test(key)) return 'a key cannot hold spaces; use - or _ instead';
  if (/['"`\\]/u.test(key)) return 'a key cannot hold quotes or backslashes';
  if (/[\p{C}]/u.test(key)) return 'a key cannot hold control characters';
  return undefined;
}

/** A text in the form in which messages quote it: short and on one line. */
export function quoted(text: string): string {
  const clean = text.replace(/\p{C}/gu, '?');
  return `'${clean.length > 60 ? `${clean.slice(0, 57)}...` : clean}'`;
}
