import { importFiles } from '../../src/cli/import.ts';
import { Fault } from '../../src/engine/fault.ts';

/** `tidemark import` without a process of its own, which takes longer to start than most files to send. */
export async function importHere(words: readonly string[]): Promise<{ code: number; output: string }> {
  let output = '';
  const screen = {
    isTTY: false,
    write: (text: string) => {
      output += text;
    },
  };
  try {
    const code = await importFiles(words, { out: screen, err: screen }, 'bin/tidemark.js');
    return { code, output };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { code: error.code === 'BAD_USER_INPUT' ? 2 : 1, output: `${output}tidemark: ${error.message}\n` };
  }
}
