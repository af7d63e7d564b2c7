import pg from 'pg';
import { type Database, withClient } from './connect.ts';

export type QueryParameter = Buffer | string | number | boolean | null;

/** A statement that each connection parses once, under an ASCII name. */
export interface PreparedStatement {
  readonly name: string;
  readonly text: string;
}

/** The parts of pg's connection that this file uses. */
interface Connection {
  readonly stream: { write(buffer: Buffer): unknown };
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
  parse(query: { readonly text: string; readonly name: string }): void;
  describe(what: { readonly type: 'P'; readonly name: string }): void;
  execute(what: { readonly portal: string }): void;
  sync(): void;
}

/** Parameters from this size on are written to the socket without a copy. */
const directBytesMin = 16_384;

/**
 * A query that writes large parameters to the socket as they are. pg would copy them into one growing message: for a
 * million points, three times their memory.
 */
class DirectQuery extends pg.Query {
  readonly #statement: PreparedStatement;
  readonly #values: readonly QueryParameter[];

  constructor(
    statement: PreparedStatement,
    values: readonly QueryParameter[],
    callback: (error: Error | null, result: pg.QueryResult) => void,
  ) {
    super({ ...statement, values: [...values] }, undefined, callback as never);
    this.#statement = statement;
    this.#values = values;
  }

  /** pg calls this when the query is next, with the socket corked. */
  prepare(connection: Connection): void {
    const { name } = this.#statement;
    // pg records the statement once PostgreSQL has confirmed it.
    if (connection.parsedStatements[name] === undefined) connection.parse(this.#statement);
    for (const part of bindMessage(name, this.#values)) connection.stream.write(part);
    connection.describe({ type: 'P', name: '' });
    connection.execute({ portal: '' });
    connection.sync();
  }
}

/** The Bind message of a statement, in parts. */
function* bindMessage(name: string, values: readonly QueryParameter[]): Generator<Buffer> {
  const encoded = values.map((value) =>
    value === null || Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'utf8'),
  );
  // The portal's name is empty.
  const names = 2 + name.length;
  const formats = 5 + names;
  const length = encoded.reduce(
    (sum, bytes) => sum + 4 + (bytes?.length ?? 0),
    4 + names + 2 + values.length * 2 + 2 + 2,
  );
  const head = Buffer.alloc(formats + 2 + values.length * 2 + 2);
  head.write('B');
  head.writeInt32BE(length, 1);
  head.write(name, 6, 'latin1');
  head.writeInt16BE(values.length, formats);
  values.forEach((value, i) => void head.writeInt16BE(Buffer.isBuffer(value) ? 1 : 0, formats + 2 + i * 2));
  head.writeInt16BE(values.length, formats + 2 + values.length * 2);
  let small: Buffer[] = [head];
  for (const bytes of encoded) {
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(bytes?.length ?? -1);
    small.push(prefix);
    if (!bytes) continue;
    if (bytes.length < directBytesMin) {
      small.push(bytes);
      continue;
    }
    yield Buffer.concat(small);
    yield bytes;
    small = [];
  }
  // Results come as text.
  small.push(Buffer.alloc(2));
  yield Buffer.concat(small);
}

/**
 * Runs a statement and gives its connection up after `answerMillis` without an answer. Buffers are parameters in
 * PostgreSQL's binary format, and must not change until then.
 */
export function runPrepared<Row extends pg.QueryResultRow>(
  database: Database,
  answerMillis: number,
  statement: PreparedStatement,
  values: readonly QueryParameter[],
): Promise<Row[]> {
  const run = (client: pg.PoolClient) =>
    new Promise<Row[]>((resolve, reject) => {
      client.query(
        new DirectQuery(statement, values, (error, result) => {
          if (error) reject(error);
          else resolve(result.rows as Row[]);
        }),
      );
    });
  return withClient(database, answerMillis, run);
}
