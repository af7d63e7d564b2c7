import { inspect } from 'node:util';
import { parseCommandLine, suggestion } from './cli/command-line.ts';
import { commands, helpText } from './cli/help.ts';
import { environmentOf, readConfig } from './config.ts';
import { Fault } from './engine/fault.ts';
import { say } from './run/say.ts';
import { version } from './run/version.ts';

/**
 * Returns the exit code, or undefined while a server runs. It loads only what the command needs, because loading
 * everything takes half a second.
 */
async function run(words: readonly string[]): Promise<number | undefined> {
  const given = parseCommandLine(words);
  if (given.version) {
    say(version);
    return 0;
  }
  if (given.help) {
    process.stdout.write(helpText());
    return 0;
  }
  if (given.command === undefined) {
    process.stderr.write(helpText());
    return 2;
  }
  switch (given.command) {
    case 'serve': {
      const { serve } = await import('./run/serve.ts');
      await serve(readConfig(given.flags), { ...process.env, ...environmentOf(given.flags) });
      return undefined;
    }
    case 'import': {
      if (given.flags.size > 0)
        throw new Fault('BAD_USER_INPUT', `import takes no setting: leave out ${[...given.flags.keys()].join(', ')}.`);
      const { importFiles } = await import('./cli/import.ts');
      return importFiles(given.rest, { out: process.stdout, err: process.stderr }, process.argv[1]);
    }
    case 'migrate': {
      const { openStore } = await import('./run/store.ts');
      const store = await openStore(readConfig(given.flags));
      await store.stop();
      say(`The tables are up to date (PostgreSQL: ${store.where}).`);
      return 0;
    }
    case 'doctor': {
      const { doctor } = await import('./cli/doctor.ts');
      return (await doctor(readConfig(given.flags), say)) ? 0 : 1;
    }
    case 'print-schema': {
      const { printedSchema } = await import('./schema/schema.ts');
      process.stdout.write(printedSchema());
      return 0;
    }
    default: {
      const names = commands.map(({ name }) => name);
      throw new Fault(
        'BAD_USER_INPUT',
        `There is no command ${given.command}.${suggestion(given.command, names)} See --help.`,
      );
    }
  }
}

// The reader of the output may close it. That must not end this process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  const code = await run(process.argv.slice(2));
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  if (error instanceof Fault) process.stderr.write(`tidemark: ${error.message.replace(/\s*\n\s*/g, ' ')}\n`);
  else process.stderr.write(`tidemark: ${inspect(error)}\n`);
  process.exit(error instanceof Fault && error.code === 'BAD_USER_INPUT' ? 2 : 1);
}
