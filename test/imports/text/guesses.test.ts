import { describe, expect, it } from 'vitest';
import { planned, readGuessed, sourceOf } from './support.ts';

async function guessed(content: string, filename = 'BTC.csv'): Promise<string> {
  const { columns, problem } = await planned(sourceOf(content, filename));
  const said = columns
    .filter(({ role }) => role !== 'IGNORE')
    .map(({ name, role, series }) => `${name} ${role}${series === null ? '' : ` of ${series}`}`);
  return problem ?? said.join(', ');
}

const candles = (...rows: string[]) => rows.join('\n');

describe('files that users have: which columns are what', () => {
  it.each([
    [
      'klines of Binance, without a header',
      candles(
        '1704067200000,42283.58,42554.57,42261.02,42475.23,1271.68,1704070799999,53957248.9,47134,682.57,28957416.8,0',
        '1704070800000,42475.23,42775.00,42431.65,42613.56,1196.37,1704074399999,50984207.2,46602,609.31,25968520.7,0',
        '1704074400000,42613.57,42638.41,42500.00,42581.10,685.21,1704077999999,29169440.6,32332,318.99,13579840.3,0',
      ),
      '1 T, 5 VALUE, 6 SIZE',
    ],
    [
      'klines of Binance, with one',
      'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n1704067200000,1,2,0.5,1.5,100,1704070799999,150,7,50,75,0\n',
      'open_time T, close VALUE, volume SIZE',
    ],
    [
      'candles of Coinbase, without a header',
      '1704067200,42261.02,42554.57,42283.58,42475.23,12.5\n1704070800,42431.65,42775.00,42613.56,42475.23,1.9\n',
      '1 T, 5 VALUE, 6 SIZE',
    ],
    [
      'candles of Kraken with their average, without a header',
      '1704067200,42283.5,42554.5,42261.0,42475.2,42400.1,12.7,471\n1704070800,42475.2,42775.0,42431.6,42443.5,42500.2,11.9,466\n',
      '1 T, 5 VALUE',
    ],
    [
      'HistData',
      '20240105 170000;1.0942;1.0943;1.0941;1.0943;0\n20240105 170100;1.0943;1.0944;1.0940;1.0941;0\n',
      '1 T, 5 VALUE, 6 SIZE',
    ],
    [
      'four prices of which nobody knows what they are',
      '1704067200,1,2,3,4\n1704070800,2,3,4,5\n',
      'Which column holds the values? 2, 3, 4, 5: name one in columns with the role VALUE, and one with the role SIZE if there are sizes.',
    ],
    [
      'trades of Kraken',
      '1704067200.1234,42283.5,0.5\n1704067201.9,42283.6,0.25\n',
      'Which column holds the values? 2, 3: name one in columns with the role VALUE, and one with the role SIZE if there are sizes.',
    ],
    [
      'trades of Binance, without a header',
      '3330000001,42283.58,0.001,42.28,1704067200000,True,True\n3330000002,42283.59,0.002,84.5,1704067200001,False,True\n',
      'Which column holds the values? 1, 2, 3, 4: name one in columns with the role VALUE, and one with the role SIZE if there are sizes.',
    ],
    [
      'trades of Coinbase',
      'trade_id,product_id,side,price,size,time\n1,BTC-USD,buy,42283.58,0.1,2024-01-01T00:00:00.123456Z\n2,BTC-USD,sell,42283.5,0.2,2024-01-01T00:00:01Z\n',
      'product_id SERIES, price VALUE, size SIZE, time T',
    ],
    [
      'Yahoo',
      'Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-05,1,2,0.5,1.5,1.4,100\n2024-01-08,null,null,null,null,null,null\n',
      'Date T, Close VALUE, Volume SIZE',
    ],
    ['Stooq', 'Date,Open,High,Low,Close,Volume\n2024-01-05,1,2,0.5,1.5,100\n', 'Date T, Close VALUE, Volume SIZE'],
    [
      'Stooq in bulk, by the day',
      '<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\nAAPL.US,D,20240105,000000,1,2,0.5,1.5,100,0\n',
      '<TICKER> SERIES, <DATE> T, <CLOSE> VALUE, <VOL> SIZE',
    ],
    [
      'Stooq in bulk, by the hour',
      '<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\nAAPL.US,60,20240105,160000,1,2,0.5,1.5,100,0\n',
      "The date stands in column '<DATE>' and the time of day in column '<TIME>': write both into one column.",
    ],
    [
      'MetaTrader',
      '<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n2024.01.05\t00:00:00\t1\t2\t0.5\t1.5\t100\t0\t3\n',
      "The date stands in column '<DATE>' and the time of day in column '<TIME>': write both into one column.",
    ],
    [
      'Dukascopy',
      'Local time,Open,High,Low,Close,Volume\n05.01.2024 00:00:00.000 GMT+0100,1,2,0.5,1.5,100\n25.01.2024 01:00:00.000 GMT+0100,1,2,0.5,1.5,100\n',
      'Local time T, Close VALUE, Volume SIZE',
    ],
    [
      'TradingView',
      'time,open,high,low,close,Volume\n1704412800,1,2,0.5,1.5,100\n',
      'time T, close VALUE, Volume SIZE',
    ],
    [
      'a terminal, with decimal commas',
      'Date;PX_LAST;PX_VOLUME\n05/01/2024;1,25;100\n25/01/2024;1,5;200\n',
      'Date T, PX_LAST VALUE, PX_VOLUME SIZE',
    ],
    [
      'pandas, with its index',
      ',time,AAPL,MSFT\n0,2024-01-05,1.5,2\n1,2024-01-06,1.6,3\n',
      'time T, AAPL VALUE of AAPL, MSFT VALUE of MSFT',
    ],
    ['pandas, indexed by time', ',close\n2024-01-05 00:00:00+00:00,1.5\n', '1 T, close VALUE'],
    ['pandas twice', 'Unnamed: 0,date,a,b\n0,2024-01-05,1,2\n', 'date T, a VALUE of a, b VALUE of b'],
    ['Excel', '\ufeffDatum;Kurs;Umsatz\r\n05.01.2024;1,5;100\r\n', 'Datum T, Kurs VALUE, Umsatz SIZE'],
    ['letters', 't,o,h,l,c,v\n1704412800,1,2,0.5,1.5,100\n', 't T, c VALUE, v SIZE'],
    ['trades in letters', 't,p,v\n1704412800000,1.5,100\n', 't T, p VALUE, v SIZE'],
    ['a wide table of letters', 't,a,b,c\n2024-01-05,1,2,3\n', 't T, a VALUE of a, b VALUE of b, c VALUE of c'],
    [
      'quotes',
      't,bid,ask\n2024-01-05,1,2\n',
      'Which column holds the values? bid, ask: name one in columns with the role VALUE, or several, each with its series.',
    ],
    [
      'two columns of one name',
      't,Price,price\n2024-01-05,1,2\n',
      'Which column holds the values? Price, price: name one in columns with the role VALUE, or several, each with its series.',
    ],
    ['flags', 'time,price,buyer\n2024-01-05,1,true\n2024-01-06,2,false\n', 'time T, price VALUE'],
    [
      'a wide table with gaps in words',
      'date,AAPL,MSFT\n2024-01-05,1,n/a\n2024-01-06,2,n/a\n2024-01-07,2,1\n2024-01-08,2,3\n',
      'date T, AAPL VALUE of AAPL, MSFT VALUE of MSFT',
    ],
  ])('%s', async (_, content, wanted) => {
    expect(await guessed(content)).toBe(wanted);
  });

  it.each([
    ['t,value\n2024-01-05,1\n2024-01-06,oops\n', "line 3, column value: 'oops' is not a number"],
    ['t,price\n2024-01-05,abc\n', "line 2, column price: 'abc' is not a number"],
    ['t,price,n\n2024-01-05,abc,1\n', "line 2, column price: 'abc' is not a number"],
    ['t,price\nx,1\ny,2\n2024-01-05,1\n', "line 2, column t: 'x' is not an RFC 3339 instant such as"],
    ['time,value\n05.13.2024,1\n25.01.2024,2\n', "line 2, column time: '05.13.2024' names a day that does not exist"],
    ['t,value\n1704412800,1\noops,1\n', "line 3, column t: 'oops' is no number of SECONDS since 1970"],
    ['t,value\n2024-01-05,x\n2024-01-06,y\n2024-01-07,3\n', "line 2, column value: 'x' is not a number"],
    ['t,price,size\n2024-01-05,1,big\n', "line 2, column size: 'big' is not a number"],
    ['date,AAPL,MSFT\n2024-01-05,1,2\n2024-01-06,2,bad\n', "line 3, column MSFT: 'bad' is not a number"],
    ['t,symbol,price\n2024-01-05,A B,1\n', 'line 2, column symbol: a key cannot hold spaces; use - or _ instead'],
  ])('one bad cell among few does not hide its column: %j', async (content, wanted) => {
    const { plan, rejects } = await readGuessed(content);
    expect(plan.problem).toBeNull();
    expect(rejects.map(({ line, column, reason }) => `line ${line}, column ${column}: ${reason}`)[0]).toContain(wanted);
  });

  it.each([
    [
      'a column whose every cell contradicts its name',
      `t,value\n${'2024-01-05,high\n'.repeat(5)}`,
      'No column holds numbers',
    ],
    ['days and months', 'date,price\n01/05/2024,1\nx,2\ny,3\n', 'give timeFormat, d/M/yyyy or M/d/yyyy'],
  ])('%s is asked about', async (_, content, wanted) => {
    expect(await guessed(content)).toContain(wanted);
  });

  it.each([
    ['sep=;\nDate;Price\n2024-01-05;1,5\n', "'sep='"],
    ['https://www.example.com\nunix,symbol,close\n1704412800,BTC,1\n1704412801,BTC,1\n', "'https://www.example.com'"],
  ])('what stands above the header is named: %j', async (content, wanted) => {
    await expect(planned(sourceOf(content))).rejects.toThrow(`The first line, ${wanted}, is no row of the table`);
  });
});
