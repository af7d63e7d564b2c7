import { useMemo, useSyncExternalStore } from 'react';

/**
 * What is held of a series, live: `{ t, value, size, cursor, error }`. `cursor` is undefined before the first event; `error`
 * is what the server refused it for. `tidemark` is what `connect` gave, once for the whole page; the options are those of `follow`.
 */
export function useSeries(tidemark, key, options = {}) {
  // Objects written in a component are new ones each time that it renders.
  const wanted = JSON.stringify(options);
  const { subscribe, get } = useMemo(() => storeOf(tidemark, key, JSON.parse(wanted)), [tidemark, key, wanted]);
  return useSyncExternalStore(subscribe, get, get);
}

function storeOf(tidemark, key, options) {
  let held = { t: new Float64Array(), value: new Float64Array() };
  let state;
  return {
    get: () => held,
    subscribe: (changed) => {
      const hold = (next) => {
        held = next;
        changed();
      };
      const line = tidemark.follow(key, { ...options, state });
      line.onChange(({ cursor, series }) => {
        const { t, value, size } = series.get(key);
        hold({ t, value, size, cursor });
      });
      line.ended.then((error) => {
        if (error) hold({ ...held, error });
      });
      return () => {
        state = line.state;
        line.close();
      };
    },
  };
}
