import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/engine/fault.ts';
import { parseImportInput } from '../../src/imports/parse-input.ts';
import { type RawImportInput, validateImportInput } from '../../src/imports/validate-input.ts';

function said(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error instanceof Fault ? error.message : error;
  }
}

describe('an ImportInput in JSON', () => {
  it.each<RawImportInput>([
    {},
    { delimiter: '::' },
    { delimiter: '"', quote: '"' },
    { encoding: 'utf-99' },
    { encoding: 'UTF-8' },
    { timeZone: 'Mars/Base' },
    { timeFormat: '' },
    { series: 'A B' },
    { note: 'x'.repeat(1_001) },
    { note: 'x\0' },
    { columns: [{ column: '', role: 'T' }] },
    {
      columns: [
        { column: 'a', role: 'T' },
        { column: 'b', role: 'T' },
      ],
    },
    { columns: [{ column: 'a', role: 'T', series: 'A' }] },
    { columns: [{ column: 'a', role: 'VALUE', series: 'A' }], partial: true, header: false, format: 'CSV' },
    { columns: Array.from({ length: 10_001 }, (_, i) => ({ column: `${i}`, role: 'IGNORE' as const })) },
  ])('obeys the rules of the API (%#)', (given) => {
    expect(said(() => parseImportInput(JSON.parse(JSON.stringify(given))))).toEqual(
      said(() => validateImportInput(given, ['import'])),
    );
  });

  it.each([
    [[], 'import must be a JSON object'],
    [{ colums: [] }, "import has no field 'colums'"],
    [{ header: 'no' }, 'header must be true or false.'],
    [{ note: 1 }, 'note must be a text.'],
    [{ columns: {} }, 'columns must be a list.'],
    [{ columns: [{ column: 'a' }] }, 'columns[0] needs a column and a role.'],
    [{ columns: [{ column: 'a', role: 'TIME' }] }, 'role must be one of'],
  ])('has its types: %j', (value, message) => {
    expect(said(() => parseImportInput(value))).toContain(message);
  });
});
