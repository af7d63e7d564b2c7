// The page react.html: choose a series, see its last price.
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from 'tidemark/client';
import { useSeries } from './use-series.js';

const given = new URLSearchParams(location.search);
const keys = (given.get('series') ?? 'SIM01-USD').split(',');
const tidemark = connect({ url: given.get('url') ?? 'http://localhost:4000/graphql' });

function Price({ series }) {
  const { t, value, cursor, error } = useSeries(tidemark, series);
  if (error) return <output>{`${error.code}: ${error.message}`}</output>;
  if (cursor === undefined) return <output>nothing yet</output>;
  return <output>{`${series} ${value.at(-1) ?? 'none'}, ${t.length} points, revision ${cursor}`}</output>;
}

function Page() {
  const [series, choose] = useState(keys[0]);
  return (
    <>
      <select value={series} onChange={({ target }) => choose(target.value)}>
        {keys.map((key) => (
          <option key={key}>{key}</option>
        ))}
      </select>
      <Price series={series} />
    </>
  );
}

createRoot(document.body).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
