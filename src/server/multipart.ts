import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Busboy, type BusboyFileStream } from '@fastify/busboy';
import type { UploadBytes } from '../imports/upload-bytes.ts';
import { filenameOf, ReceivedFile } from '../imports/upload-receiver.ts';
import type { Request } from '../schema/documents.ts';
import type { Executor } from '../schema/execution.ts';
import type { Caller } from '../schema/operation-reads.ts';
import { isDiskFull } from '../store/retry.ts';
import { parseJson, requestOf, run, sendAnswer } from './graphql-requests.ts';
import { BodyFault, onBodyTimeout } from './request-body.ts';
import { diskFullMessage } from './tus-store.ts';

/** A header that a page of another origin cannot send without a preflight, unlike a form. */
const preflightHeaders = ['x-graphql-yoga-csrf', 'apollo-require-preflight', 'graphql-preflight'];

const fieldBytesMax = 1_000_000;

export function isMultipart({ headers }: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test(headers['content-type'] ?? '');
}

function bad(message: string): BodyFault {
  return new BodyFault(400, 'BAD_USER_INPUT', message);
}

export interface MultipartOptions {
  readonly bytes: UploadBytes;
  readonly bodyBytesMax: number;
}

/** Answers a GraphQL multipart request with one file. */
export async function answerMultipart(
  executor: Pick<Executor, 'operationOf' | 'execute' | 'context'>,
  { bytes, bodyBytesMax }: MultipartOptions,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
): Promise<void> {
  if (!preflightHeaders.some((name) => request.headers[name])) {
    const names = preflightHeaders.join(', ');
    throw new BodyFault(403, 'FORBIDDEN', `A multipart request needs one of the headers ${names}, not empty.`);
  }
  const upload = randomUUID();
  let file: ReceivedFile | undefined;
  try {
    const form = new Form(bytes, upload);
    await form.read(request, bodyBytesMax);
    const asked = form.asked();
    file = form.file;
    const answer = await run(executor, asked, request, caller);
    if (!file?.isTaken) await bytes.remove(upload);
    sendAnswer(response, answer);
  } catch (error) {
    if (!file?.isTaken) await bytes.remove(upload);
    throw error;
  }
}

/** The parts of a form that have arrived. */
class Form {
  readonly #bytes: UploadBytes;
  readonly #upload: string;
  #operations: Request | undefined;
  /** The path of the file in the operation, by the name of its part. */
  #map: { readonly name: string; readonly paths: readonly (readonly string[])[] } | undefined;
  #stream: BusboyFileStream | undefined;
  #writing: Promise<void> | undefined;
  file: ReceivedFile | undefined;

  constructor(bytes: UploadBytes, upload: string) {
    this.#bytes = bytes;
    this.#upload = upload;
  }

  async read(request: IncomingMessage, bytesMax: number): Promise<void> {
    const tooLarge = () =>
      new BodyFault(
        413,
        'TOO_EXPENSIVE',
        `A request holds at most ${(bytesMax / 1_000_000).toLocaleString('en')} MB (BODY_MB_MAX): send larger files with createUpload, by the tus protocol.`,
      );
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
    const busboy = busboyFor(request);
    let inTime = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        inTime = onBodyTimeout(request, reject);
        const guard =
          <A extends unknown[]>(take: (...given: A) => void) =>
          (...given: A) => {
            try {
              take(...given);
            } catch (error) {
              reject(error);
            }
          };
        let bytes = 0;
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bytesMax) reject(tooLarge());
        });
        request.on('error', reject);
        request.on('close', () => {
          if (!request.complete) reject(bad('The request ended before its body did.'));
        });
        busboy.on(
          'field',
          guard((name, value, _, cut) => this.#takeField(name, value, cut)),
        );
        busboy.on('file', (name, stream, filename) => {
          // The reader of the stream handles its errors.
          stream.on('error', () => undefined);
          guard(() => this.#takeFile(name, stream, filename, reject))();
        });
        const one = () => reject(bad('The form holds more than its operations, its map and one file.'));
        busboy.on('partsLimit', one).on('filesLimit', one).on('fieldsLimit', one);
        busboy.on('error', (error) =>
          reject(
            bad(`The form cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : 'it is broken'}.`),
          ),
        );
        busboy.on('finish', resolve);
        request.pipe(busboy);
      });
      await this.#writing;
    } catch (error) {
      this.#stream?.destroy();
      await this.#writing;
      throw isDiskFull(error) ? new BodyFault(507, 'UNAVAILABLE', diskFullMessage) : error;
    } finally {
      inTime();
      request.unpipe(busboy);
      request.removeAllListeners('data');
    }
  }

  /** The operation with the file inserted. */
  asked(): Request {
    if (!this.#operations) throw bad('The form has no field operations.');
    if (!this.#map) throw bad('The form has no field map.');
    if (!this.file) throw bad(`The form has no file '${this.#map.name.slice(0, 60)}', though its map names it.`);
    for (const path of this.#map.paths) put(this.#operations, path, this.file);
    return this.#operations;
  }

  #takeField(name: string, value: string, cut: boolean): void {
    if (this.#stream) throw bad('The file must be the last part of the form, behind operations and map.');
    if (name === this.#map?.name)
      throw bad(
        `The part '${name.slice(0, 60)}' is a text: a file needs a filename, as curl gives with -F 0=@prices.csv.`,
      );
    if (cut) throw bad(`The field ${name.slice(0, 60)} holds more than ${fieldBytesMax.toLocaleString('en')} bytes.`);
    if (name === 'operations' && !this.#operations) this.#operations = operationsOf(value);
    else if (name === 'map' && this.#operations && !this.#map) this.#map = mapOf(value, this.#operations);
    else throw bad(`The field '${name.slice(0, 60)}' is not expected there: send operations, then map, then the file.`);
  }

  #takeFile(name: string, stream: BusboyFileStream, filename: string, fail: (error: unknown) => void): void {
    if (this.#stream) throw bad('The form holds more than one file: send one request for each.');
    if (!this.#map) throw bad('The file must be the last part of the form, behind operations and map.');
    if (name !== this.#map.name) throw bad(`The map does not name the file '${name.slice(0, 60)}'.`);
    this.#stream = stream;
    this.#writing = this.#write(stream, filename).catch(fail);
  }

  async #write(stream: BusboyFileStream, filename: string): Promise<void> {
    const hash = createHash('sha256');
    async function* hashed(): AsyncGenerator<Uint8Array> {
      for await (const chunk of stream) {
        hash.update(chunk);
        yield chunk;
      }
    }
    const size = await this.#bytes.write(this.#upload, 0, hashed());
    const sha256 = hash.digest('hex');
    this.file = new ReceivedFile({ upload: this.#upload, filename: filenameOf(filename), size, sha256 });
  }
}

function busboyFor({ headers }: IncomingMessage) {
  try {
    return new Busboy({
      headers: { ...headers, 'content-type': headers['content-type'] ?? '' },
      limits: {
        fieldNameSize: 100,
        fieldSize: fieldBytesMax,
        fields: 3,
        files: 2,
        parts: 4,
        headerPairs: 50,
        headerSize: 8_192,
      },
    });
  } catch (error) {
    throw bad(`The form cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : 'it is broken'}.`);
  }
}

function operationsOf(text: string): Request {
  const body = parseJson(Buffer.from(text));
  if (Array.isArray(body)) throw bad('Send one operation a request; lists of them are not taken.');
  return requestOf(body);
}

/** Validates a map {"0": ["variables.file"]}: the operation must have null at these paths. */
function mapOf(text: string, operations: Request): { name: string; paths: readonly (readonly string[])[] } {
  const map = parseJson(Buffer.from(text));
  const example = `a JSON object such as {"0": ["variables.file"]}`;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw bad(`map must be ${example}.`);
  const entries = Object.entries(map);
  if (entries.length !== 1) throw bad(`map must name one file, as ${example} does.`);
  const [[name, given]] = entries;
  if (
    !Array.isArray(given) ||
    given.length === 0 ||
    given.length > 10 ||
    !given.every((path) => typeof path === 'string')
  )
    throw bad(`map must be ${example}.`);
  const paths = given.map((path: string) => path.split('.'));
  for (const path of paths) {
    const [holder, last] = holderOf(operations, path);
    if (holder[last] !== null)
      throw bad(`${path.join('.').slice(0, 100)} must be null in operations: the file takes its place.`);
  }
  return { name, paths };
}

function holderOf(operations: Request, path: readonly string[]): [Record<string, unknown>, string] {
  let holder: unknown = operations;
  for (const [i, step] of path.entries()) {
    const isThere = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, step);
    if (!isThere || path[0] !== 'variables' || path.length < 2)
      throw bad(`map names ${path.join('.').slice(0, 100)}, which operations do not have.`);
    if (i === path.length - 1) break;
    holder = (holder as Record<string, unknown>)[step];
  }
  return [holder as Record<string, unknown>, path[path.length - 1]];
}

function put(operations: Request, path: readonly string[], file: ReceivedFile): void {
  const [holder, last] = holderOf(operations, path);
  holder[last] = file;
}
