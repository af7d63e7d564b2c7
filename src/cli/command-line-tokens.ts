import { parseArgs } from 'node:util';

/** A word of a command line: an option with its dashes and its value, or another word. */
export type CommandLineToken =
  | { readonly kind: 'option'; readonly index: number; readonly name: string; readonly value: string | undefined }
  | { readonly kind: 'positional'; readonly index: number; readonly value: string };

/** Splits a command line into options and other words. The given flags take a value: the text behind =, or the next word. */
export function tokensOf(words: readonly string[], flagsWithValue: readonly string[]): CommandLineToken[] {
  const options = Object.fromEntries(flagsWithValue.map((flag) => [flag.slice(2), { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  const found: CommandLineToken[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') found.push({ kind: 'positional', index: token.index, value: token.value });
    // parseArgs makes several options of -abc; here it is one, and unknown.
    else if (token.kind === 'option' && found.at(-1)?.index !== token.index) {
      const [name] = token.name.length === 1 ? words[token.index].split('=', 1) : [token.rawName];
      found.push({ kind: 'option', index: token.index, name, value: token.value });
    }
  }
  return found;
}
