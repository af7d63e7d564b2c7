import { setTimeout as pause } from 'node:timers/promises';
import { Fault, type FaultCode, faultCodes } from '../engine/fault.ts';
import type { ImportFlags } from './import-options.ts';
import { withOptionNames } from './option-names.ts';

export interface Imported {
  readonly id: string;
  readonly filename: string;
  readonly status: string;
  readonly size: number | null;
  /** The number of processed bytes. */
  readonly bytes: number;
  readonly rows: number;
  readonly accepted: number;
  readonly rejectedCount: number;
  readonly rejected: readonly { readonly line: number; readonly column: string | null; readonly reason: string }[];
  readonly rejectsUrl: string | null;
  /** Null when rows belong to several series. */
  readonly new: number | null;
  readonly changed: number;
  readonly unchanged: number;
  readonly createdSeries: readonly string[];
  readonly movedSeries: readonly string[];
  readonly fromRevision: number | null;
  readonly toRevision: number | null;
  readonly undoneRevision: number | null;
  readonly restored: number;
  readonly kept: number;
  readonly problem: string | null;
  readonly plan: ImportedPlan | null;
}

export interface ImportedPlan {
  readonly format: string;
  readonly gzip: boolean;
  readonly encoding: string;
  readonly delimiter: string;
  readonly header: boolean;
  readonly decimalComma: boolean;
  readonly timeFormat: string;
  readonly timeZone: string;
  readonly columns: readonly {
    readonly name: string;
    readonly role: string;
    readonly series: string | null;
    readonly examples: readonly string[];
  }[];
}

export interface CreatedUpload {
  readonly url: string;
  readonly offset: number;
  readonly import: Imported;
}

const shown = `id filename status size bytes rows accepted rejectedCount rejected(first: 10) { line column reason }
  rejectsUrl new changed unchanged createdSeries(first: 11) movedSeries(first: 11) fromRevision toRevision
  undoneRevision restored kept problem
  plan {
    format gzip encoding delimiter header decimalComma timeFormat timeZone columns { name role series examples }
  }`;

const operations = {
  hello: '{ __typename }',
  create: `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { url offset import { ${shown} } } }`,
  read: `query ($id: ID!) { import(id: $id) { ${shown} } }`,
  commit: `mutation ($id: ID!, $input: ImportInput) { commitImport(id: $id, input: $input) { ${shown} } }`,
  undo: `mutation ($id: ID!) { undoImport(id: $id) { ${shown} } }`,
};

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** The time for which the command waits for a server that restarts. */
const patienceMillis = 5 * 60_000;
const answerMillis = 60_000;
const pauseMillisMax = 3_000;

/** Called once when the server becomes unreachable. */
export type OnUnreachable = (why: string) => void;

export class ImportServer {
  readonly #base: URL;
  readonly #onAway: OnUnreachable;

  constructor(base: URL, onAway: OnUnreachable) {
    this.#base = base;
    this.#onAway = onAway;
  }

  /** The absolute address of a path that the server returned. */
  resolve(address: string): string {
    return new URL(address, this.#base).toString();
  }

  /** Fails at once when no server answers. Later calls wait for it instead. */
  async hello(): Promise<void> {
    await this.#once(operations.hello, {});
  }

  async create(input: {
    readonly filename: string;
    readonly size: number;
    readonly sha256: string;
    readonly import: ImportFlags;
  }): Promise<CreatedUpload> {
    const { createUpload } = await this.#patiently<{ createUpload: CreatedUpload }>(operations.create, { input });
    return createUpload;
  }

  async read(id: string): Promise<Imported> {
    const { import: found } = await this.#patiently<{ import: Imported | null }>(operations.read, { id });
    if (found === null) throw new Fault('NOT_FOUND', `There is no import ${id} at ${this.#base.origin}.`);
    return found;
  }

  /** Sent only once: after a lost answer, the server may have done it. */
  async commit(id: string, input: ImportFlags): Promise<Imported> {
    return (await this.#once<{ commitImport: Imported }>(operations.commit, { id, input })).commitImport;
  }

  async undo(id: string): Promise<Imported> {
    return (await this.#once<{ undoImport: Imported }>(operations.undo, { id })).undoImport;
  }

  async #patiently<T>(query: string, variables: object): Promise<T> {
    const deadline = performance.now() + patienceMillis;
    for (let millis = 100; ; millis = Math.min(millis * 2, pauseMillisMax)) {
      try {
        return await this.#once<T>(query, variables);
      } catch (error) {
        const isAway = error instanceof Fault && error.code === 'UNAVAILABLE';
        if (!isAway || performance.now() > deadline) throw error;
        this.#onAway(error.message);
        await pause(millis);
      }
    }
  }

  async #once<T>(query: string, variables: object): Promise<T> {
    const { status, text } = await this.#post(JSON.stringify({ query, variables }));
    const { data, errors } = readAnswer<T>(text);
    if (errors?.[0]) throw faultOf(errors[0].message, errors[0].extensions?.code);
    if (data) return data;
    if (status === 502 || status === 503 || status === 504)
      throw new Fault('UNAVAILABLE', `The server at ${this.#base.origin} answers ${status}.`);
    throw new Fault(
      'NOT_FOUND',
      `What answers at ${this.#base.href} (status ${status}) is no Tidemark server: see --url.`,
    );
  }

  async #post(body: string): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(new URL('graphql', this.#base), {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body,
        signal: AbortSignal.timeout(answerMillis),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      const why = causeOf(error);
      throw new Fault('UNAVAILABLE', `No answer from ${this.#base.origin} (${why}). Is the server running? See --url.`);
    }
  }
}

function readAnswer<T>(text: string): Answer<T> {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? answer : {};
  } catch {
    return {};
  }
}

function faultOf(message: string, code: string | undefined): Error {
  const known = faultCodes.find((each): each is FaultCode => each === code);
  return known === undefined ? new Error(message) : new Fault(known, withOptionNames(message));
}

export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return causeOf(error.cause);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return error.message || code || error.name;
}
