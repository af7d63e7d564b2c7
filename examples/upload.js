// Sends a file of ticks to a server and waits until they are there, over any number of lost connections and restarts.
// Stopped (Ctrl-C), the same command goes on where it was.
// node examples/upload.js prices.csv [http://localhost:4000/graphql]
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Upload } from 'tus-js-client';

const [path, graphql = 'http://localhost:4000/graphql'] = process.argv.slice(2);
if (!path) {
  console.error('usage: node examples/upload.js FILE [URL]');
  process.exit(2);
}

async function ask(query, variables) {
  const response = await fetch(graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

// The hash is what the server knows the file by: bytes that it has are not sent again, and work that is done is not done twice.
const hash = createHash('sha256');
await pipeline(createReadStream(path), hash);

const { createUpload } = await ask(
  'mutation ($input: CreateUploadInput!) { createUpload(input: $input) { url offset import { id status } } }',
  {
    input: {
      filename: basename(path),
      size: statSync(path).size,
      sha256: hash.digest('hex'),
      import: { createMissing: true }, // how it is to be read is guessed where nothing is said here
    },
  },
);
const { id, status } = createUpload.import;

// It asks the server how much it has, and sends the rest.
if (status === 'UPLOADING') {
  let shown;
  await new Promise((resolve, reject) => {
    new Upload(createReadStream(path), {
      uploadUrl: new URL(createUpload.url, graphql).href,
      chunkSize: 8 * 1024 * 1024,
      retryDelays: [0, 500, 1000, ...Array(60).fill(5000)], // begun anew with every byte that arrives
      onProgress: (sent, size) => {
        const percent = Math.floor((sent / size) * 100);
        if (percent !== shown) console.log(`${path}: sent ${percent} %`);
        shown = percent;
      },
      onSuccess: resolve,
      onError: reject,
    }).start();
  });
}

const query = `query ($id: ID!) { import(id: $id) {
  status rows accepted rejectedCount rejected(first: 5) { line column reason } toRevision problem
} }`;
for (;;) {
  // The server may just be started again.
  const seen = await ask(query, { id }).catch(() => undefined);
  if (seen && !['UPLOADING', 'QUEUED', 'RUNNING'].includes(seen.import.status)) {
    console.log(seen.import);
    process.exit(seen.import.status === 'DONE' ? 0 : 1);
  }
  await pause(500);
}
